package config

import (
	"fmt"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// linesOf finds the line on which each key first stands, by its dotted name; the tables
// of an array have their number in it: server.0.address. The text is known to be TOML.
func linesOf(text []byte) map[string]int {
	var p unstable.Parser
	p.Reset(text)
	lines, table, count := map[string]int{}, "", map[string]int{}
	for p.NextExpression() {
		e := p.Expression()
		names, line := keyOf(&p, e)
		switch e.Kind {
		case unstable.Table:
			table = note(lines, "", names, line)
		case unstable.ArrayTable:
			array := note(lines, "", names, line)
			table = note(lines, array, []string{fmt.Sprint(count[array])}, line)
			count[array]++
		case unstable.KeyValue:
			note(lines, table, names, line)
		}
	}
	return lines
}

// note keeps the line of a key and of each table above it, and returns its name.
func note(lines map[string]int, table string, names []string, line int) string {
	name := table
	for _, part := range names {
		name = strings.TrimPrefix(name+"."+part, ".")
		if _, known := lines[name]; !known {
			lines[name] = line
		}
	}
	return name
}

// keyOf returns the parts of a dotted key, and the line of the first.
func keyOf(p *unstable.Parser, e *unstable.Node) (names []string, line int) {
	for key := e.Key(); key.Next(); {
		if line == 0 {
			line = p.Shape(key.Node().Raw).Start.Line
		}
		names = append(names, string(key.Node().Data))
	}
	return names, line
}
