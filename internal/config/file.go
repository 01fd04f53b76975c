package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/trueclock/trueclock/ntpprobe"
)

// Keys are the keys that a table may have. A key whose own Keys are nil is a setting, any
// other is a table. "server" is no key of it: [[server]] is always known.
type Keys map[string]Keys

// File is what one file says.
type File struct {
	Path     string
	Settings map[string]Setting // by dotted key: samples, probe.output
	Servers  []Server           // in the order of the file
}

// Setting is a value as it would be typed behind a flag.
type Setting struct {
	Text string
	Line int
}

// Server is a [[server]] table.
type Server struct {
	ntpprobe.Server
	Line int
}

// Error reports a file that cannot be used.
type Error struct {
	Path    string
	Line    int // 0: the file as a whole
	Problem string
	Err     error // of the system, or nil
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Path + ": " + e.Problem
	}
	return fmt.Sprintf("%s:%d: %s", e.Path, e.Line, e.Problem)
}

func (e *Error) Unwrap() error { return e.Err }

// largest is the size beyond which a file is no configuration.
const largest = 1 << 20

// Read reads a file. The error is an *Error; errors.Is(err, os.ErrNotExist) holds if
// there is none.
func Read(path string, known Keys) (File, error) {
	text, err := readAll(path)
	if err != nil {
		problem := err.Error()
		if system := new(os.PathError); errors.As(err, &system) {
			problem = "cannot be read: " + system.Err.Error()
		}
		return File{}, &Error{Path: path, Problem: problem, Err: err}
	}
	return Parse(path, text, known)
}

func readAll(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, largest+1))
	if err == nil && len(text) > largest {
		err = fmt.Errorf("more than %d bytes; is it a configuration?", largest)
	}
	return text, err
}

// Parse is Read without the disk; path only names the file in errors.
func Parse(path string, text []byte, known Keys) (File, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // as some editors begin a file
	var tree map[string]any
	if err := toml.Unmarshal(text, &tree); err != nil {
		return File{}, malformed(path, err)
	}
	p := parser{file: File{Path: path, Settings: map[string]Setting{}}, lines: linesOf(text)}
	if err := p.table("", tree, known); err != nil {
		return File{}, err
	}
	return p.file, nil
}

func malformed(path string, err error) error {
	e := &Error{Path: path, Problem: strings.TrimPrefix(err.Error(), "toml: ")}
	if where := new(toml.DecodeError); errors.As(err, &where) {
		e.Line, _ = where.Position()
	}
	return e
}

// parser turns the tree of TOML into a File.
type parser struct {
	file  File
	lines map[string]int
}

// table reads a table; prefix is its dotted key with a dot behind it, or "".
func (p *parser) table(prefix string, tree map[string]any, known Keys) error {
	for _, key := range p.inOrder(prefix, tree) {
		name := prefix + key
		if name == "server" {
			if err := p.servers(tree[key]); err != nil {
				return err
			}
			continue
		}
		below, ok := known[key]
		sub, isTable := tree[key].(map[string]any)
		switch {
		case !ok:
			return p.wrong(name, "unknown key %q; clockctl config show lists those there are", name)
		case isTable && below == nil:
			return p.wrong(name, "%s is a setting and no table", name)
		case !isTable && below != nil:
			return p.wrong(name, "%s is a table of settings: write [%s]", name, name)
		case isTable:
			if err := p.table(name+".", sub, below); err != nil {
				return err
			}
			continue
		}
		text, ok := typed(tree[key])
		if !ok {
			return p.wrong(name, "the value of %s is neither text, a number, true nor false", name)
		}
		p.file.Settings[name] = Setting{Text: text, Line: p.line(name)}
	}
	return nil
}

// inOrder sorts the keys of a table as they stand in the file, so that the first mistake
// is the one that is reported.
func (p *parser) inOrder(prefix string, tree map[string]any) []string {
	return slices.SortedFunc(maps.Keys(tree), func(a, b string) int {
		return cmp.Or(cmp.Compare(p.line(prefix+a), p.line(prefix+b)), cmp.Compare(a, b))
	})
}

// line is where a key stands; of one inside of an inline table, where that begins.
func (p *parser) line(name string) int {
	for {
		line, known := p.lines[name]
		i := strings.LastIndexByte(name, '.')
		if known || i < 0 {
			return line
		}
		name = name[:i]
	}
}

func (p *parser) wrong(name, format string, args ...any) error {
	return &Error{Path: p.file.Path, Line: p.line(name), Problem: fmt.Sprintf(format, args...)}
}

// typed is a value as it would be typed.
func typed(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}
