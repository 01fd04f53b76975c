package doctor

import (
	"io/fs"
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
}

// defaultMaxClockError is chronyd's, in ppm. Source: chrony, conf.c.
const defaultMaxClockError = 1

// chronyFiles is where distributions put it.
var chronyFiles = []string{"etc/chrony.conf", "etc/chrony/chrony.conf"}

// deepest is how far includes are followed.
const deepest = 8

// readChrony reads the configuration and what it includes; nil if there is none that can be read.
func readChrony(root fs.FS) *ChronyConfig {
	for _, name := range chronyFiles {
		if content := text(root, name); content != "" {
			c := &ChronyConfig{File: "/" + name, MaxClockError: defaultMaxClockError}
			c.parse(root, content, 0)
			return c
		}
	}
	return nil
}

// parse takes the directives of one file in order, so that the last one counts. Source:
// chrony.conf(5): comments begin with one of ! ; # %, and directives are of any case.
func (c *ChronyConfig) parse(root fs.FS, content string, depth int) {
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
			c.include(root, match(root, fields[1]), depth)
		case "confdir":
			c.include(root, confdir(root, fields[1:]), depth)
		}
	}
}

func (c *ChronyConfig) include(root fs.FS, names []string, depth int) {
	for _, name := range names {
		c.parse(root, text(root, name), depth+1)
	}
}

// match is the pattern of an include, which must be absolute here.
func match(root fs.FS, pattern string) []string {
	names, err := fs.Glob(root, strings.TrimPrefix(pattern, "/"))
	if err != nil {
		return nil
	}
	return names
}

// confdir is the files *.conf of up to ten directories in the order of their names; of
// files with one name the first directory's counts.
func confdir(root fs.FS, directories []string) []string {
	first := map[string]string{}
	for _, dir := range directories {
		for _, name := range match(root, path.Join(dir, "*.conf")) {
			if _, known := first[path.Base(name)]; !known {
				first[path.Base(name)] = name
			}
		}
	}
	var bases, names []string
	for base := range first {
		bases = append(bases, base)
	}
	slices.Sort(bases)
	for _, base := range bases {
		names = append(names, first[base])
	}
	return names
}
