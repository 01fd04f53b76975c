package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// longest is the number of lines beyond which a file holds more than one idea.
const longest = 400

// setters are calls and constants that set, step or slew a clock. One of them also reads
// the kernel's state, and has one place and one shape: see onlyReads.
var setters = []string{
	"ClockSettime", "Settimeofday", "Adjtime", "Adjtimex", "ClockAdjtime", "Stime",
	"SYS_CLOCK_SETTIME", "SYS_SETTIMEOFDAY", "SYS_ADJTIMEX", "SYS_CLOCK_ADJTIME", "SYS_STIME",
	"SetSystemTime", "SetLocalTime", "SetSystemTimeAdjustment",
}

// setterWords are the same as programs and kernel calls in strings.
var setterWords = []string{"hwclock", "timedatectl", "ntpdate", "adjtimex", "date -s", "SetSystemTime", "settimeofday", "clock_settime"}

// library are the folders whose code must not log, exit, panic or look around.
var library = []string{"hlc", "lamport", "truetime", "ntpprobe", "internal/durable"}

// source is a parsed file; path is relative to the root, with slashes.
type source struct {
	path string
	file *ast.File
	set  *token.FileSet
}

func (s source) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", s.path, s.set.Position(n.Pos()).Line)
}

func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

func (s source) in(folders []string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return strings.HasPrefix(s.path, f+"/") })
}

func parse(t *testing.T, path, text string) source {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, text, parser.SkipObjectResolution)
	require.NoError(t, err)
	return source{path: path, file: file, set: set}
}

// called returns pkg.Name of a selector such as log.Fatal, or the bare name.
func called(e ast.Expr) string {
	switch x := e.(type) {
	case *ast.Ident:
		return x.Name
	case *ast.SelectorExpr:
		if base, ok := x.X.(*ast.Ident); ok {
			return base.Name + "." + x.Sel.Name
		}
	}
	return ""
}

// clockViolations finds whatever could set a clock, in any file of any system.
func clockViolations(s source) (violations []string) {
	if s.path == "internal/arch/source_test.go" {
		return nil // this list
	}
	allowed := onlyReads(s)
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.Ident:
			if slices.Contains(setters, x.Name) && x != allowed {
				violations = append(violations, fmt.Sprintf("%s: %s sets a clock", s.at(n), x.Name))
			}
		case *ast.BasicLit:
			for _, word := range setterWords {
				if x.Kind == token.STRING && strings.Contains(x.Value, word) {
					violations = append(violations, fmt.Sprintf("%s: %q sets a clock", s.at(n), word))
				}
			}
		}
		return true
	})
	return violations
}

// behaviourViolations: the library returns errors and does nothing else to its
// caller's process, and only main.go ends it.
func behaviourViolations(s source) (violations []string) {
	if s.isTest() {
		return nil
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		name := called(call.Fun)
		switch {
		case name == "os.Exit" && (s.file.Name.Name != "main" || path.Base(s.path) != "main.go"):
			violations = append(violations, fmt.Sprintf("%s: os.Exit outside of main.go", s.at(n)))
		case s.in(library) && (name == "panic" || name == "os.Getenv" || strings.HasPrefix(name, "log.") || strings.HasPrefix(name, "fmt.Print")):
			violations = append(violations, fmt.Sprintf("%s: %s in the library", s.at(n), name))
		}
		return true
	})
	return violations
}

// shapeViolations: no drawer for odds and ends, and no file of two ideas.
func shapeViolations(s source) (violations []string) {
	if slices.Contains([]string{"util", "utils", "helper", "helpers", "common", "misc"}, s.file.Name.Name) {
		violations = append(violations, fmt.Sprintf("%s: package %s says nothing about what it is for", s.path, s.file.Name.Name))
	}
	if lines := s.set.Position(s.file.FileEnd).Line; lines > longest && !s.isTest() {
		violations = append(violations, fmt.Sprintf("%s: %d lines; does it hold one idea?", s.path, lines))
	}
	return violations
}

func violations(s source) []string {
	return slices.Concat(clockViolations(s), behaviourViolations(s), shapeViolations(s))
}

// everySource reads all Go files, whatever system or test they are for.
func everySource(t *testing.T) (sources []source) {
	t.Helper()
	root := "../.."
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." {
			return skip(err)
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		sources = append(sources, parse(t, filepath.ToSlash(relative), string(text)))
		return nil
	}))
	return sources
}

// skip skips a hidden folder, unless reading it failed.
func skip(err error) error {
	if err != nil {
		return err
	}
	return filepath.SkipDir
}

// TestSources_KeepTheRules is I9, and the conventions beside it.
func TestSources_KeepTheRules(t *testing.T) {
	sources := everySource(t)
	require.Greater(t, len(sources), 80, "all files were found")
	for _, s := range sources {
		require.Empty(t, violations(s))
	}
}

// TestSources_TheRulesCanFail feeds them what they must refuse.
func TestSources_TheRulesCanFail(t *testing.T) {
	for want, s := range map[string]source{
		"hlc/a.go:3: ClockSettime sets a clock":                parse(t, "hlc/a.go", "package hlc\nfunc f() {\n unix.ClockSettime(0, nil) }"),
		"x/a_test.go:2: SYS_ADJTIMEX sets a clock":             parse(t, "x/a_test.go", "package x\nvar _ = unix.SYS_ADJTIMEX"),
		`cmd/a.go:2: "timedatectl" sets a clock`:               parse(t, "cmd/a.go", "package cmd\nvar _ = exec.Command(\"timedatectl\", \"set-time\")"),
		"truetime/a.go:2: panic in the library":                parse(t, "truetime/a.go", "package truetime\nfunc f() { panic(1) }"),
		"ntpprobe/a.go:2: log.Printf in the library":           parse(t, "ntpprobe/a.go", "package ntpprobe\nfunc f() { log.Printf(\"\") }"),
		"cmd/clockctl/a.go:2: os.Exit outside of main.go":      parse(t, "cmd/clockctl/a.go", "package main\nfunc f() { os.Exit(1) }"),
		"a.go: package util says nothing about what it is for": parse(t, "a.go", "package util"),
		"a.go: 402 lines; does it hold one idea?":              parse(t, "a.go", "package a\n"+strings.Repeat("//\n", 400)+"//"),
	} {
		require.Equal(t, []string{want}, violations(s))
	}
	require.Empty(t, violations(parse(t, "hlc/a_test.go", "package hlc\nfunc f() { panic(1) }")), "tests may panic")
	require.Empty(t, violations(parse(t, "cmd/clockctl/main.go", "package main\nfunc f() { os.Exit(1) }")))
}
