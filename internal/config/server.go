package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/trueclock/trueclock/ntpprobe"
)

// serverKeys are the keys of a [[server]] table and what they set.
var serverKeys = map[string]func(*ntpprobe.Server, any) error{
	"address":        func(s *ntpprobe.Server, v any) error { return text(&s.Address, v) },
	"domain":         func(s *ntpprobe.Server, v any) error { return text(&s.Domain, v) },
	"margin":         func(s *ntpprobe.Server, v any) error { return duration(&s.Margin, v) },
	"scale":          func(s *ntpprobe.Server, v any) error { return number(&s.Scale, v) },
	"min_one_way":    func(s *ntpprobe.Server, v any) error { return duration(&s.MinOneWay, v) },
	"smear":          func(s *ntpprobe.Server, v any) error { return text(&s.Smear, v) },
	"root_rounds_up": func(s *ntpprobe.Server, v any) error { return truth(&s.RootRoundsUp, v) },
	"private":        func(s *ntpprobe.Server, v any) error { return truth(&s.Private, v) },
	"auth": func(*ntpprobe.Server, any) error {
		return errors.New("this version cannot authenticate a server; without the key its replies are taken as they are, as those of any server")
	},
}

// servers reads the [[server]] tables. Each must be one that the library accepts, and none
// may be there twice.
func (p *parser) servers(value any) error {
	tables, ok := value.([]any)
	if !ok {
		return p.wrong("server", "write [[server]], in double brackets, once for each")
	}
	seen := map[string]int{}
	for i, one := range tables {
		where := fmt.Sprintf("server.%d", i)
		server, err := p.server(where, one)
		if err != nil {
			return err
		}
		name, err := server.Canonical()
		if err != nil {
			return p.wrong(where, "%s", strings.TrimPrefix(err.Error(), "ntpprobe: "))
		}
		if before, twice := seen[name]; twice {
			return p.wrong(where, "%s is on line %d already", name, before)
		}
		seen[name] = server.Line
		p.file.Servers = append(p.file.Servers, server)
	}
	return nil
}

func (p *parser) server(where string, value any) (Server, error) {
	server := Server{Line: p.line(where)}
	table, ok := value.(map[string]any)
	if !ok {
		return server, p.wrong(where, "a server is a table: [[server]]")
	}
	for _, key := range p.inOrder(where+".", table) {
		name := where + "." + key
		set, known := serverKeys[key]
		if !known {
			return server, p.wrong(name, "unknown key %q of a server; there are %s", key, strings.Join(slices.Sorted(maps.Keys(serverKeys)), ", "))
		}
		if err := set(&server.Server, table[key]); err != nil {
			return server, p.wrong(name, "%s: %v", key, err)
		}
	}
	if server.Address == "" {
		return server, p.wrong(where, "a server without an address")
	}
	return server, nil
}

func text(to *string, value any) error {
	s, ok := value.(string)
	if !ok {
		return errors.New("not text in quotes")
	}
	*to = s
	return nil
}

func duration(to *time.Duration, value any) error {
	s, _ := value.(string)
	d, err := time.ParseDuration(s)
	if err != nil {
		return errors.New(`not a duration with its unit in quotes, such as "1.5ms"`)
	}
	*to = d
	return nil
}

func number(to *float64, value any) error {
	switch v := value.(type) {
	case int64:
		*to = float64(v)
	case float64:
		*to = v
	default:
		return errors.New("not a number")
	}
	return nil
}

func truth(to *bool, value any) error {
	b, ok := value.(bool)
	if !ok {
		return errors.New("neither true nor false")
	}
	*to = b
	return nil
}
