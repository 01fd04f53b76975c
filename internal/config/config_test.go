package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/ntpprobe"
)

// known is what a small command line would have.
var known = Keys{"samples": nil, "interval": nil, "quiet": nil, "probe": {"output": nil, "samples": nil}, "hlc": {"parse": {"layout": nil}}}

func TestParse_SettingsAndTheirLines(t *testing.T) {
	f, err := Parse("f", []byte(`# a comment
samples = 8
interval = "1.5s"

quiet = true
hlc.parse.layout = 'kudu'
[probe]
output = """wide"""
samples = 2.5
`), known)
	require.NoError(t, err)
	require.Equal(t, map[string]Setting{
		"samples": {"8", 2}, "interval": {"1.5s", 3}, "quiet": {"true", 5}, "hlc.parse.layout": {"kudu", 6},
		"probe.output": {"wide", 8}, "probe.samples": {"2.5", 9},
	}, f.Settings)
	f, err = Parse("f", []byte("\n\nprobe = { output = 'wide' }"), known)
	require.NoError(t, err)
	require.Equal(t, Setting{"wide", 3}, f.Settings["probe.output"], "an inline table is on one line")
	f, err = Parse("f", []byte("\ufeffsamples = 8\r\nquiet = true\r\n"), known)
	require.NoError(t, err, "an editor of Windows")
	require.Equal(t, map[string]Setting{"samples": {"8", 1}, "quiet": {"true", 2}}, f.Settings)
	f, err = Parse("f", nil, known)
	require.NoError(t, err, "an empty file says nothing")
	require.Empty(t, f.Settings)
}

func TestParse_Servers(t *testing.T) {
	f, err := Parse("f", []byte(`
[[server]]
address = "ntp1.example.net"
domain = "rack 1"
margin = "1.5ms"
scale = 2
min_one_way = "33µs"
smear = "google24h"

[[server]]
address = "[2001:db8::1]:1123"
scale = 2.5
root_rounds_up = true
private = true
`), known)
	require.NoError(t, err)
	require.Equal(t, []Server{
		{Line: 2, Server: ntpprobe.Server{
			Address: "ntp1.example.net", Domain: "rack 1", Margin: 1500 * time.Microsecond, Scale: 2, MinOneWay: 33 * time.Microsecond, Smear: "google24h",
		}},
		{Line: 10, Server: ntpprobe.Server{Address: "[2001:db8::1]:1123", Scale: 2.5, RootRoundsUp: true, Private: true}},
	}, f.Servers)
	f, err = Parse("f", []byte("\nserver = [{address = 'a'},\n {address = 'b'}]"), known)
	require.NoError(t, err)
	require.Len(t, f.Servers, 2)
	require.Equal(t, 2, f.Servers[1].Line)
}

// TestServerKeys_AreTheLibrarysFields: whoever adds a field to ntpprobe.Server adds a key.
func TestServerKeys_AreTheLibrarysFields(t *testing.T) {
	of := map[string]string{
		"Address": "address", "Domain": "domain", "Margin": "margin", "Scale": "scale", "MinOneWay": "min_one_way", "Smear": "smear",
		"RootRoundsUp": "root_rounds_up", "Private": "private",
	}
	server := reflect.TypeFor[ntpprobe.Server]()
	for i := range server.NumField() {
		name := server.Field(i).Name
		require.Contains(t, of, name, "a field without a key")
		require.Contains(t, serverKeys, of[name])
		delete(of, name)
	}
	require.Empty(t, of)
}

// TestParse_Refuses: each mistake has its line and a sentence.
func TestParse_Refuses(t *testing.T) {
	for _, row := range []struct{ name, text, want string }{
		{"no TOML", "samples = 8\nsamples 9\n", "f:2: "},
		{"no value", "samples =", "f:1: "},
		{"a key twice", "samples = 8\n\nsamples = 9\n", "f:3: "},
		{"a table twice", "[probe]\n[probe]\n", "f:2: "},
		{"no UTF-8", "samples = '\xff'", "f:1: "},
		{"a NUL", "samples = '\x00'", "f:1: "},
		{"an unknown key", "samples = 8\nsampels = 9\n", `f:2: unknown key "sampels"; clockctl config show lists`},
		{"the first mistake counts", "zebra = 1\nant = 1\n", `f:1: unknown key "zebra"`},
		{"an unknown key of a table", "[probe]\ninterval = '1s'\n", `f:2: unknown key "probe.interval"`},
		{"an unknown table", "\n[proble]\noutput = 'wide'\n", `f:2: unknown key "proble"`},
		{"a quoted dot is a part of the name", "'probe.output' = 'wide'", `f:1: unknown key "probe.output"`},
		{"capitals count", "Samples = 8", `f:1: unknown key "Samples"`},
		{"a table for a setting", "[samples]\n", "f:1: samples is a setting and no table"},
		{"a setting for a table", "probe = 8", "f:1: probe is a table of settings: write [probe]"},
		{"a list", "samples = [1, 2]", "f:1: the value of samples is neither text, a number, true nor false"},
		{"a date", "samples = 2026-11-23", "f:1: the value of samples is neither"},
		{"one bracket", "[server]\naddress = 'a'", "f:1: write [[server]], in double brackets"},
		{"servers that are no tables", "server = ['a']", "f:1: a server is a table"},
		{"no address", "\n[[server]]\ndomain = 'x'", "f:2: a server without an address"},
		{"a bad address", "[[server]]\naddress = 'a:99999'", `f:1: server "a:99999": port "99999" is not a number from 1 to 65535`},
		{"a bad scale", "[[server]]\naddress = 'a'\nscale = 0.5", `f:1: server "a": the scale must be from 1 to 1000`},
		{"a scale that is no number", "[[server]]\naddress = 'a'\nscale = nan", `f:1: server "a": the scale must be`},
		{"a negative margin", "[[server]]\naddress = 'a'\nmargin = '-1ms'", `f:1: server "a": the margin cannot be negative`},
		{"the same server twice", "[[server]]\naddress = 'A'\n[[server]]\naddress = 'a:123'", "f:3: a:123 is on line 1 already"},
		{"an unknown key of a server", "[[server]]\naddress = 'a'\nmargn = '1ms'", `f:3: unknown key "margn" of a server; there are address, auth, domain`},
		{"a number without its unit", "[[server]]\naddress = 'a'\nmargin = 5", `f:3: margin: not a duration with its unit in quotes, such as "1.5ms"`},
		{"text for a number", "[[server]]\naddress = 'a'\nscale = '2'", "f:3: scale: not a number"},
		{"text for a truth", "[[server]]\naddress = 'a'\nprivate = 'yes'", "f:3: private: neither true nor false"},
		{"a number for text", "[[server]]\naddress = 1", "f:2: address: not text in quotes"},
		{"what does not exist yet", "[[server]]\naddress = 'a'\nauth = 'nts'", "f:3: auth: this version cannot authenticate a server"},
	} {
		t.Run(row.name, func(t *testing.T) {
			file, err := Parse("f", []byte(row.text), known)
			require.Error(t, err)
			require.IsType(t, &Error{}, err)
			require.Truef(t, strings.HasPrefix(err.Error(), row.want), "%s\ninstead of %s", err, row.want)
			require.NotContains(t, err.Error(), "toml: ")
			require.Zero(t, file, "no half of a file")
		})
	}
}

func TestRead_Refuses(t *testing.T) {
	dir := t.TempDir()
	_, err := Read(filepath.Join(dir, "none"), known)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.EqualError(t, err, filepath.Join(dir, "none")+": cannot be read: no such file or directory")

	_, err = Read(dir, known)
	require.ErrorContains(t, err, dir+": cannot be read: is a directory")

	big := filepath.Join(dir, "big")
	require.NoError(t, os.WriteFile(big, []byte(strings.Repeat("#\n", largest/2)+"#"), 0o600))
	_, err = Read(big, known)
	require.EqualError(t, err, big+": more than 1048576 bytes; is it a configuration?")

	t.Run("permission denied", func(t *testing.T) {
		if os.Geteuid() == 0 {
			t.Skip("root may read everything")
		}
		secret := filepath.Join(dir, "secret")
		require.NoError(t, os.WriteFile(secret, nil, 0o000))
		_, err = Read(secret, known)
		require.ErrorContains(t, err, secret+": cannot be read: permission denied")
	})
}

func TestUserPath(t *testing.T) {
	for _, row := range []struct {
		name string
		env  map[string]string
		want string
	}{
		{"both", map[string]string{"XDG_CONFIG_HOME": "/x", "HOME": "/h"}, "/x/clockctl/config.toml"},
		{"XDG unset", map[string]string{"HOME": "/h"}, "/h/.config/clockctl/config.toml"},
		{"HOME unset", map[string]string{"XDG_CONFIG_HOME": "/x"}, "/x/clockctl/config.toml"},
		{"a relative XDG is ignored", map[string]string{"XDG_CONFIG_HOME": "x", "HOME": "/h"}, "/h/.config/clockctl/config.toml"},
		{"a relative HOME too", map[string]string{"HOME": "h"}, ""},
		{"nothing", nil, ""},
	} {
		require.Equal(t, filepath.FromSlash(row.want), UserPath(func(name string) string { return row.env[name] }), row.name)
	}
}

// FuzzParse: any bytes are a file or an *Error with a line that exists.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"samples = 8\n[probe]\noutput = 'x'", "[[server]]\naddress = 'a'\nscale = 2", "server = [{address = 'a'}]", "probe = {output = 1}", "[server]", "[[probe]]", "a.b.c = 1\n[a.b]"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := Parse("f", text, known)
		most := strings.Count(string(text), "\n") + 1
		if err != nil {
			e := new(Error)
			require.True(t, errors.As(err, &e))
			require.True(t, 1 <= e.Line && e.Line <= most, "%v", err)
			return
		}
		for name, s := range file.Settings {
			require.True(t, 1 <= s.Line && s.Line <= most, "%s: %v", name, s)
		}
		for _, s := range file.Servers {
			require.True(t, 1 <= s.Line && s.Line <= most, "%v", s)
			_, err := s.Canonical()
			require.NoError(t, err)
		}
	})
}
