package doctor

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// ChronyConfig is what matters here of chronyd's configuration.
type ChronyConfig struct {
	File          string  // where the configuration begins
	MaxClockError float64 // ppm
	Set           bool    // it is not the default
	Unread        string  // a file or folder of it that could not be read, so that the rest says nothing
}

// defaultMaxClockError is chronyd's, in ppm. Source: chrony, conf.c.
const defaultMaxClockError = 1

// chronyFiles is where distributions put it.
var chronyFiles = []string{"etc/chrony.conf", "etc/chrony/chrony.conf"}

// Anybody can start a program called chronyd, with any file: it must not hold us, or eat our memory.
const (
	deepest = 8       // how far includes are followed
	largest = 1 << 20 // bytes of one file
	most    = 1000    // files
)

// configReader reads one configuration.
type configReader struct {
	root  fs.FS
	files int
	ChronyConfig
}

// readChrony reads the configuration of a chronyd that was started like this, and what it includes.
func readChrony(root fs.FS, line chronydLine) ChronyConfig {
	c := configReader{root: root, ChronyConfig: ChronyConfig{File: line.file, MaxClockError: defaultMaxClockError}}
	switch {
	case !line.known:
		c.File, c.Unread = "", "its command line"
		return c.ChronyConfig
	case line.directives != nil:
		c.File = "its command line"
		c.parse(strings.Join(line.directives, "\n"), 0)
		return c.ChronyConfig
	case line.file == "":
		c.File = "/" + chronyFiles[0]
		if _, err := fs.Stat(root, chronyFiles[0]); errors.Is(err, fs.ErrNotExist) {
			c.File = "/" + chronyFiles[1]
		}
	}
	c.include([]string{c.File}, -1)
	return c.ChronyConfig
}

// parse takes the directives of one file in order, so that the last one counts. Source:
// chrony.conf(5): comments begin with one of ! ; # %, and directives are of any case.
func (c *configReader) parse(content string, depth int) {
	if depth > deepest {
		return
	}
	for line := range strings.Lines(content) {
		fields := strings.Fields(line)
		if len(fields) < 2 || strings.ContainsAny(fields[0][:1], "!;#%") {
			continue
		}
		switch strings.ToLower(fields[0]) {
		case "maxclockerror":
			if ppm, err := strconv.ParseFloat(fields[1], 64); err == nil {
				c.MaxClockError, c.Set = ppm, true
			}
		case "include":
			c.include(c.match(fields[1]), depth)
		case "confdir":
			c.include(c.confdir(fields[1:]), depth)
		}
	}
}

// include reads files by their whole paths.
func (c *configReader) include(names []string, depth int) {
	for _, name := range names {
		content, err := c.read(name)
		if err != nil {
			c.Unread = name
			continue
		}
		c.parse(content, depth+1)
	}
}

func (c *configReader) read(name string) (string, error) {
	info, err := fs.Stat(c.root, strings.TrimPrefix(name, "/"))
	if c.files++; err != nil || !path.IsAbs(name) || !info.Mode().IsRegular() || info.Size() > largest || c.files > most {
		return "", fs.ErrInvalid
	}
	content, err := fs.ReadFile(c.root, strings.TrimPrefix(name, "/"))
	return string(content), err
}

// match returns the files of an include's pattern. Nothing tells a folder that may not be read from one
// where nothing matches, but reading it.
func (c *configReader) match(pattern string) []string {
	dir := path.Dir(pattern)
	if _, err := fs.ReadDir(c.root, cmp.Or(strings.TrimPrefix(dir, "/"), ".")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.Unread = dir
	}
	names, err := fs.Glob(c.root, strings.TrimPrefix(pattern, "/"))
	if err != nil {
		return nil
	}
	for i := range names {
		names[i] = "/" + names[i]
	}
	return names
}

// confdir is the files *.conf of up to ten directories in the order of their names; of
// files with one name the first directory's counts.
func (c *configReader) confdir(directories []string) []string {
	first := map[string]string{}
	for _, dir := range directories {
		for _, name := range c.match(path.Join(dir, "*.conf")) {
			if _, known := first[path.Base(name)]; !known {
				first[path.Base(name)] = name
			}
		}
	}
	var names []string
	for _, base := range slices.Sorted(maps.Keys(first)) {
		names = append(names, first[base])
	}
	return names
}
