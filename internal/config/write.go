package config

import (
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// Quote is text as a value of TOML.
func Quote(text string) string {
	line, err := toml.Marshal(map[string]string{"v": text})
	if err != nil {
		return strconv.Quote(text) // a string can always be marshalled
	}
	return strings.TrimSuffix(strings.TrimPrefix(string(line), "v = "), "\n")
}

// Lines are the lines of a [[server]] table that say what s says.
func (s Server) Lines() []string {
	lines := []string{"address = " + Quote(s.Address)}
	for _, field := range []struct{ key, value string }{
		{"domain", s.Domain}, {"margin", written(s.Margin)}, {"min_one_way", written(s.MinOneWay)}, {"smear", s.Smear},
	} {
		if field.value != "" {
			lines = append(lines, field.key+" = "+Quote(field.value))
		}
	}
	if s.Scale != 0 {
		lines = append(lines, "scale = "+strconv.FormatFloat(s.Scale, 'f', -1, 64))
	}
	if s.RootRoundsUp {
		lines = append(lines, "root_rounds_up = true")
	}
	if s.Private {
		lines = append(lines, "private = true")
	}
	return lines
}

// written is a duration, or nothing for none.
func written(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}
