package main

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/pflag"

	"github.com/trueclock/trueclock/internal/config"
)

// shownSetting is a setting with its value.
type shownSetting struct {
	key      string
	value    string // as it would be typed
	computed string // in its place: what a default that depends on other things is
	from     origin
	bare     bool // a number or a truth, which TOML writes without quotes
}

// settings are those of all commands: one under its shared key if it has the same value
// everywhere, else one for each command. A value that its flag does not take is in the error, and
// what holds without it in the list.
func (c configuration) settings(s streams) ([]shownSetting, error) {
	var mistakes []error
	var keys []string
	byKey := map[string][]shownSetting{}
	for _, cmd := range everyCommand(newRoot(s, nil)) { // a fresh tree: nothing is typed there
		mistakes = append(mistakes, c.apply(cmd))
		for _, setting := range settingsOf(cmd) {
			key := setting.shared
			if key == "" {
				key = setting.own
			}
			if !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
			byKey[key] = append(byKey[key], showSetting(setting.own, setting.flag))
		}
	}
	slices.Sort(keys)
	var shown []shownSetting
	for _, key := range keys {
		all := byKey[key]
		first := all[0]
		if first.key = key; !slices.ContainsFunc(all, func(o shownSetting) bool { o.key = key; return o != first }) {
			all = []shownSetting{first}
		}
		shown = append(shown, all...)
	}
	return shown, errors.Join(mistakes...)
}

// defaultInWords finds the default in a flag's text, where it is more than a value.
var defaultInWords = regexp.MustCompile(`\(default:? (.*)\)$`)

func showSetting(key string, f *pflag.Flag) shownSetting {
	kind := f.Value.Type()
	s := shownSetting{
		key: key, value: f.Value.String(), from: originOf(f),
		bare: kind == "bool" || strings.HasPrefix(kind, "int") || strings.HasPrefix(kind, "uint") || strings.HasPrefix(kind, "float"),
	}
	if words := defaultInWords.FindStringSubmatch(f.Usage); words != nil && s.from.kind == "default" {
		s.value, s.computed = "", words[1]
	}
	return s
}

// writeConfig prints a file that says the same; what is only a default is a comment.
func writeConfig(w io.Writer, c configuration, shown []shownSetting, origins bool) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	note := func(line string, from origin) {
		if origins {
			line += "\t# " + strings.TrimSpace(from.kind+" "+from.where)
		}
		fmt.Fprintln(t, line) // what fails here fails again at Flush
	}
	for _, place := range c.places {
		state := "read"
		if !place.found {
			state = "not there"
		}
		fmt.Fprintf(t, "# %s: %s\n", place.path, state)
	}
	for _, s := range shown {
		text := config.Quote(s.value)
		switch {
		case s.computed != "":
			text = s.computed
		case s.bare:
			text = s.value
		}
		line := s.key + " = " + text
		if s.from.kind == "default" {
			line = "# " + line
		}
		note(line, s.from)
	}
	for _, server := range c.serverTables() {
		fmt.Fprintln(t)
		note("[[server]]", server.from)
		fmt.Fprintln(t, strings.Join(server.Lines(), "\n"))
	}
	return t.Flush()
}

// shownServer is a configured server with its place.
type shownServer struct {
	config.Server
	from origin
}

func (c configuration) serverTables() (servers []shownServer) {
	for _, file := range c.files {
		for _, server := range file.Servers {
			servers = append(servers, shownServer{server, origin{"file", fmt.Sprintf("%s:%d", file.Path, server.Line)}})
		}
		if servers != nil {
			break
		}
	}
	return servers
}

// configJSON is the object of config show.
type configJSON struct {
	Schema   string             `json:"schema"`
	Files    []configFileJSON   `json:"files"`
	Settings []configValueJSON  `json:"settings"`
	Servers  []configServerJSON `json:"servers"`
	Error    *errorJSON         `json:"error,omitempty"` // a value that its flag does not take
}

type configFileJSON struct {
	Path  string `json:"path"`
	Found bool   `json:"found"`
}

type configValueJSON struct {
	Key    string  `json:"key"`
	Value  *string `json:"value"` // as it would be typed; null if the default depends on other things
	Origin string  `json:"origin"`
	Where  *string `json:"where"` // the variable, or the file and line; null for a default
}

type configServerJSON struct {
	Address      string   `json:"address"`
	Domain       *string  `json:"domain"` // null: one of its own
	Margin       int64    `json:"margin_ns"`
	Scale        *float64 `json:"scale_ratio"` // null: 1
	MinOneWay    int64    `json:"min_one_way_ns"`
	Smear        *string  `json:"smear"` // null: it does not
	RootRoundsUp bool     `json:"root_rounds_up"`
	Private      bool     `json:"private"`
	Where        string   `json:"where"`
}

func newConfigJSON(c configuration, shown []shownSetting, mistakes error) configJSON {
	o := configJSON{Schema: schema, Files: []configFileJSON{}, Settings: []configValueJSON{}, Servers: []configServerJSON{}}
	if mistakes != nil {
		o.Error = failure(mistakes)
	}
	for _, place := range c.places {
		o.Files = append(o.Files, configFileJSON{place.path, place.found})
	}
	for _, s := range shown {
		v := configValueJSON{Key: s.key, Value: &s.value, Origin: s.from.kind}
		if s.computed != "" {
			v.Value = nil
		}
		if s.from.where != "" {
			v.Where = &s.from.where
		}
		o.Settings = append(o.Settings, v)
	}
	for _, s := range c.serverTables() {
		v := configServerJSON{
			Address: canonical(s.Server.Server), Margin: int64(s.Margin), MinOneWay: int64(s.MinOneWay),
			RootRoundsUp: s.RootRoundsUp, Private: s.Private, Where: s.from.where,
		}
		if s.Domain != "" {
			v.Domain = &s.Domain
		}
		if s.Scale != 0 {
			v.Scale = &s.Scale
		}
		if s.Smear != "" {
			v.Smear = &s.Smear
		}
		o.Servers = append(o.Servers, v)
	}
	return o
}
