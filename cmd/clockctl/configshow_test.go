package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/config"
)

// awkward is a configuration with something of everything.
func awkward(t *testing.T) *machine {
	m := newMachine(t)
	m.write(m.userPath(), `targets = "a 'b' \\ \u0007 µ.txt"`, "samples = 8", "quiet = true", "max-faulty = 0", "[probe]", "output = 'wide'",
		"[[server]]", "address = 'ntp1.example.net'", `domain = "rack \"1\""`, "margin = '100µs'", "scale = 2.5", "min_one_way = '50µs'", "smear = 'google24h'",
		"root_rounds_up = true", "private = true", "[[server]]", "address = '[2001:db8::1]:1123'")
	m.write(m.system, "wander = '1ppm'", "samples = 9", "[[server]]", "address = 'ntp9.example.net'")
	return m
}

// TestConfigShow_IsAFileThatSaysTheSame, whatever the values are.
func TestConfigShow_IsAFileThatSaysTheSame(t *testing.T) {
	m := awkward(t)
	_, first, _ := m.run("config", "show", "-o", "json")
	for _, args := range [][]string{{"config", "show"}, {"config", "show", "--origin"}} {
		code, text, stderr := m.run(args...)
		require.Zero(t, code, stderr)
		again := filepath.Join(t.TempDir(), "again.toml")
		require.NoError(t, os.WriteFile(again, []byte(text), 0o600))
		require.Equal(t, withoutPlaces(t, first), withoutPlaces(t, must(m.run("config", "show", "-o", "json", "--config", again))), text)
	}
}

func must(code int, stdout, stderr string) string {
	if code != 0 {
		panic(stderr)
	}
	return stdout
}

// withoutPlaces drops where each value comes from.
func withoutPlaces(t *testing.T, text string) configJSON {
	var o configJSON
	require.NoError(t, json.Unmarshal([]byte(text), &o))
	o.Files = nil
	for i := range o.Settings {
		o.Settings[i].Where = nil
	}
	for i := range o.Servers {
		o.Servers[i].Where = ""
	}
	return o
}

// TestConfigShow_EveryDefaultIsTaken: a file of all the defaults, uncommented, is one.
func TestConfigShow_EveryDefaultIsTaken(t *testing.T) {
	m := newMachine(t)
	_, object, _ := m.run("config", "show", "-o", "json")
	inWords := map[string]bool{} // what the default depends on
	for _, setting := range withoutPlaces(t, object).Settings {
		inWords[setting.Key] = setting.Value == nil
	}
	_, text, _ := m.run("config", "show")
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(strings.TrimPrefix(line, "# "))
		if key, _, ok := strings.Cut(line, " = "); ok && !inWords[key] {
			lines = append(lines, line)
		}
	}
	_, err := config.Parse("f", []byte(strings.Join(lines, "\n")), settingKeys(newRoot(streams{}, nil)))
	require.NoError(t, err)
	m.write(m.userPath(), lines...)
	code, _, stderr := m.run("config", "show")
	require.Zero(t, code, stderr)
}

func TestConfigShow_Origins(t *testing.T) {
	m := awkward(t)
	m.env["CLOCKCTL_MAX_DRIFT"] = "50"
	_, text, _ := m.run("config", "show", "--origin")
	for _, want := range []string{
		"# " + m.userPath() + ": read\n", "# " + m.system + ": read\n",
		"samples = 8 .*# file " + m.userPath() + ":2\n", "wander = '1ppm' .*# file " + m.system + ":1\n",
		"max-drift = '50ppm' .*# environment CLOCKCTL_MAX_DRIFT\n", "max-faulty = 0 .*# file ", "# timeout = '1s' .*# default\n",
		`# interval = 2s; 100ms .* # default\n`, "probe.output = 'wide' .*# file " + m.userPath() + ":6\n", "# now.output = 'table' .*# default\n",
		`\n\[\[server\]\] .*# file ` + m.userPath() + ":7\naddress = 'ntp1.example.net'\n",
	} {
		require.Regexp(t, want, text)
	}
	require.NotContains(t, text, "ntp9", "the user's servers, not the system's beside them")
	_, text, _ = m.run("config", "show")
	require.NotContains(t, text, "CLOCKCTL_MAX_DRIFT")
}
