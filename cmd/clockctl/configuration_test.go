package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/config"
)

// machine is a home directory, a system's file and an environment.
type machine struct {
	t      *testing.T
	env    map[string]string
	system string
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	home := t.TempDir()
	return &machine{t: t, env: map[string]string{"HOME": home}, system: filepath.Join(t.TempDir(), "config.toml")}
}

func (m *machine) userPath() string { return config.UserPath(m.getenv) }

func (m *machine) getenv(name string) string { return m.env[name] }

func (m *machine) write(path string, lines ...string) {
	m.t.Helper()
	require.NoError(m.t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(m.t, os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600))
}

func (m *machine) streams() streams {
	return streams{in: strings.NewReader(""), out: &bytes.Buffer{}, err: &bytes.Buffer{}, getenv: m.getenv, systemConfig: m.system}
}

// run is invoke on this machine.
func (m *machine) run(args ...string) (code int, stdout, stderr string) {
	s := m.streams()
	code = run(m.t.Context(), args, s)
	return code, s.out.(*bytes.Buffer).String(), s.err.(*bytes.Buffer).String()
}

// configured parses the command line and returns the command with its flags set.
func (m *machine) configured(args ...string) *cobra.Command {
	m.t.Helper()
	root := newRoot(m.streams(), args)
	cmd, rest, err := root.Find(args)
	require.NoError(m.t, err)
	require.NoError(m.t, cmd.ParseFlags(rest))
	cmd.SetContext(m.t.Context())
	require.NoError(m.t, configure(cmd, m.streams()))
	return cmd
}

// TestConfiguration_Precedence: every set of places that name a value; the first of the
// list that does is the one that counts.
func TestConfiguration_Precedence(t *testing.T) {
	places := []string{"flag", "own variable", "variable", "user's table", "user's file", "system's table", "system's file"}
	for set := range 1 << len(places) {
		var names []string
		want, from := "4", origin{kind: "default"}
		m := newMachine(t)
		args := []string{"probe"}
		var user, system []string
		for i := len(places) - 1; i >= 0; i-- {
			if set&(1<<i) == 0 {
				continue
			}
			names = append(names, places[i])
			want = fmt.Sprint(11 + i)
			line := "samples = " + want
			switch i {
			case 0:
				args, from = append(args, "--samples", want), origin{kind: "flag"}
			case 1:
				m.env["CLOCKCTL_PROBE_SAMPLES"], from = want, origin{"environment", "CLOCKCTL_PROBE_SAMPLES"}
			case 2:
				m.env["CLOCKCTL_SAMPLES"], from = want, origin{"environment", "CLOCKCTL_SAMPLES"}
			case 3:
				user = append(user, "[probe]", line)
				from = origin{"file", fmt.Sprintf("%s:%d", m.userPath(), len(user))}
			case 4:
				user, from = append(user, line), origin{"file", m.userPath() + ":1"}
			case 5:
				system = append(system, "[probe]", line)
				from = origin{"file", fmt.Sprintf("%s:%d", m.system, len(system))}
			case 6:
				system, from = append(system, line), origin{"file", m.system + ":1"}
			}
		}
		m.write(m.userPath(), user...)
		m.write(m.system, system...)
		flag := m.configured(args...).Flags().Lookup("samples")
		require.Equal(t, want, flag.Value.String(), names)
		require.Equal(t, from, originOf(flag), names)
	}
}

// TestConfiguration_JSONIsShortForOutput: of --json and -o the one from the stronger place
// counts, and only in one and the same place they can contradict each other.
func TestConfiguration_JSONIsShortForOutput(t *testing.T) {
	places := []string{"flag", "variable", "user's file", "nowhere"}
	for long := range places {
		for short := range places {
			m := newMachine(t)
			args := []string{"hlc", "now"}
			var file []string
			switch long {
			case 0:
				args = append(args, "-o", "table")
			case 1:
				m.env["CLOCKCTL_OUTPUT"] = "table"
			case 2:
				file = append(file, "output = 'table'")
			}
			switch short {
			case 0:
				args = append(args, "--json")
			case 1:
				m.env["CLOCKCTL_JSON"] = "true"
			case 2:
				file = append(file, "json = true")
			}
			m.write(m.userPath(), file...)
			code, stdout, stderr := m.run(args...)
			story := fmt.Sprintf("-o table: %s, --json: %s", places[long], places[short])
			switch {
			case long == short && long < 3:
				require.Equal(t, 64, code, story)
				require.Contains(t, stderr, "--json and -o table contradict each other", story)
				require.Equal(t, long > 0, strings.Contains(stderr, "; json is from "), stderr)
			default:
				require.Zero(t, code, "%s\n%s", story, stderr)
				require.Equal(t, short < long, strings.HasPrefix(stdout, "{"), story)
			}
		}
	}
}

// TestConfiguration_WhatIsForOthers stops nobody: an output that another subcommand has, and a mistake in
// another's table.
func TestConfiguration_WhatIsForOthers(t *testing.T) {
	for _, row := range []struct {
		file, env, line string
		exit            int
		want            string
	}{
		{"output = 'wide'", "", "version", 0, "^clockctl "},
		{"output = 'wide'", "", "probe --output table", 64, "no server given"},
		{"output = 'wide'", "", "config show --origin", 0, `(?m)^probe\.output = 'wide' +# file .*:1$`},
		{"output = 'wide'", "", "config show --origin", 0, `(?m)^# now\.output = 'table' +# default$`},
		{"", "CLOCKCTL_OUTPUT=ndjson", "hlc now", 0, "^FORM"},
		{"[hlc.now]\noutput = 'json'", "CLOCKCTL_OUTPUT=csv", "hlc now", 0, "^{"},
		{"output = 'yaml'", "", "version", 64, `unknown output "yaml"; use table, json; output is from .*:1`},
		{"[version]\noutput = 'wide'", "", "version", 64, `unknown output "wide"; use table, json; output is from .*:2`},
		{"", "CLOCKCTL_VERSION_OUTPUT=wide", "version", 64, `use table, json; output is from CLOCKCTL_VERSION_OUTPUT`},
		{"json = true", "", "watch", 64, "no server given"},
		{"[watch]\njson = true", "", "watch", 64, "no server given"},
		{"[probe]\nsamples = 'four'", "", "version", 0, "^clockctl "},
		{"[probe]\nsamples = 'four'", "", "hlc now", 0, "^FORM"},
		{"color = 'never'\n[probe]\nsamples = 'four'\n[record]\nkeep = 'x'", "", "config show", 64, `(?m)^color = 'never'$(.|\n)*config\.toml:3: invalid argument "four".*config\.toml:5: invalid argument "x"`},
		{"[probe]\nsamples = 'four'", "", "config show -o json", 64, `^{"schema":"clockctl/v1","files":.*"error":{"code":"usage","message":"[^{]*config\.toml:2: invalid`},
		{"sampels = 4", "", "config show", 64, "^clockctl: config show: "},
	} {
		m := newMachine(t)
		m.write(m.userPath(), row.file)
		if name, value, ok := strings.Cut(row.env, "="); ok {
			m.env[name] = value
		}
		args := strings.Fields(row.line)
		code, stdout, stderr := m.run(args...)
		require.Equal(t, row.exit, code, "%+v\n%s", row, stderr)
		require.Regexp(t, row.want, stdout+stderr, "%+v", row)
		require.NoError(t, checkPrinted(args, stdout))
	}
}

// TestConfiguration_Files: where they may be, and what cannot be read.
func TestConfiguration_Files(t *testing.T) {
	samples := func(m *machine) string { return m.configured("probe").Flags().Lookup("samples").Value.String() }
	t.Run("XDG_CONFIG_HOME before .config", func(t *testing.T) {
		m := newMachine(t)
		m.write(m.userPath(), "samples = 5")
		require.Equal(t, "5", samples(m))
		m.env["XDG_CONFIG_HOME"] = t.TempDir()
		require.Equal(t, "4", samples(m))
		m.write(m.userPath(), "samples = 6")
		require.Equal(t, "6", samples(m))
		delete(m.env, "HOME")
		require.Equal(t, "6", samples(m), "HOME is not needed")
	})
	t.Run("neither XDG_CONFIG_HOME nor HOME", func(t *testing.T) {
		m := newMachine(t)
		m.env = map[string]string{}
		m.write(m.system, "samples = 7")
		require.Equal(t, "7", samples(m))
	})
	t.Run("a home that is no directory", func(t *testing.T) {
		m := newMachine(t)
		m.env["HOME"] = os.DevNull
		require.Equal(t, "4", samples(m))
	})
	t.Run("a variable that is no setting", func(t *testing.T) {
		m := newMachine(t)
		m.env["CLOCKCTL_PORT"] = "tcp://192.0.2.1:80" // Kubernetes, for a service named clockctl
		require.Equal(t, "4", samples(m))
	})
	t.Run("a named file instead of both", func(t *testing.T) {
		m := newMachine(t)
		named := filepath.Join(t.TempDir(), "mine")
		m.write(named, "wander = 5")
		m.write(m.userPath(), "samples = 5")
		m.write(m.system, "wrong")
		m.env["CLOCKCTL_CONFIG"] = named
		cmd := m.configured("probe")
		require.Equal(t, "4", cmd.Flags().Lookup("samples").Value.String())
		require.Equal(t, "5ppm", cmd.Flags().Lookup("wander").Value.String())
		require.Equal(t, "4", m.configured("probe", "--config", os.DevNull).Flags().Lookup("samples").Value.String())
	})
	for _, row := range []struct {
		name string
		make func(m *machine)
		args []string
		want string // FILE is that of the user
	}{
		{"a directory instead of a file", func(m *machine) { require.NoError(m.t, os.MkdirAll(m.userPath(), 0o700)) }, nil, "FILE: cannot be read: is a directory"},
		{"malformed", func(m *machine) { m.write(m.userPath(), "samples = 4", "samples 4") }, nil, "FILE:2: "},
		{"an unknown key", func(m *machine) { m.write(m.userPath(), "", "sampels = 4") }, nil, `FILE:2: unknown key "sampels"`},
		{"a flag that is only typed", func(m *machine) { m.write(m.userPath(), "list = true") }, nil, `FILE:1: unknown key "list"`},
		{"one that repairs", func(m *machine) { m.write(m.userPath(), "[hlc.state.repair]", "yes = true") }, nil, `FILE:2: unknown key "hlc.state.repair.yes"`},
		{"a value that its flag does not take", func(m *machine) { m.write(m.userPath(), "samples = 'four'") }, nil, `FILE:1: invalid argument "four"`},
		{"a value out of range", func(m *machine) { m.write(m.userPath(), "samples = 0") }, nil, "--samples 0 is not from 1 to 1000; samples is from FILE:1"},
		{"more liars than a server can be wrong about", func(m *machine) { m.write(m.userPath(), "max-faulty = 1") }, nil, "servers: 1 failure domains are named, at least 3 are needed if 1 may lie; name more, or tolerate fewer; max-faulty is from FILE:1"},
		{"a variable with too many liars", func(m *machine) { m.env["CLOCKCTL_MAX_FAULTY"] = "99999" }, nil, "faulty: 99999 is more than 10000; max-faulty is from CLOCKCTL_MAX_FAULTY"},
		{"an output that the subcommand lacks", func(m *machine) { m.write(m.userPath(), "output = 'yaml'") }, nil, `unknown output "yaml"; use table, wide, json, ndjson, csv; output is from FILE:1`},
		{"a variable that its flag does not take", func(m *machine) { m.env["CLOCKCTL_MAX_DRIFT"] = "fast" }, nil, `CLOCKCTL_MAX_DRIFT: invalid argument "fast"`},
		{"a named file that is not there", func(*machine) {}, []string{"--config", "nowhere"}, "nowhere: cannot be read: no such file"},
		{"a variable names one that is not there", func(m *machine) { m.env["CLOCKCTL_CONFIG"] = "nowhere" }, nil, "nowhere: cannot be read: no such file"},
		{"no name", func(*machine) {}, []string{"--config", ""}, "--config names no file"},
		{"permission denied", func(m *machine) {
			if os.Geteuid() == 0 {
				m.t.Skip("root may read everything")
			}
			m.write(m.userPath())
			require.NoError(m.t, os.Chmod(m.userPath(), 0))
		}, nil, "FILE: cannot be read: permission denied"},
		{"a folder on the way that is closed", func(m *machine) {
			if os.Geteuid() == 0 {
				m.t.Skip("root may go everywhere")
			}
			m.write(m.userPath())
			require.NoError(m.t, os.Chmod(m.env["HOME"], 0))
			m.t.Cleanup(func() { _ = os.Chmod(m.env["HOME"], 0o700) })
		}, nil, "FILE: cannot be read: permission denied"},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := newMachine(t)
			row.make(m)
			code, stdout, stderr := m.run(append([]string{"probe", "192.0.2.1"}, row.args...)...)
			require.Equal(t, 64, code)
			require.Empty(t, stdout)
			require.Contains(t, stderr, "clockctl: probe: "+strings.ReplaceAll(row.want, "FILE", m.userPath()))
			require.Equal(t, 1, strings.Count(stderr, "\n"))
			if strings.Contains(row.want, "output") {
				return // --json would be stronger
			}
			code, stdout, _ = m.run(append([]string{"probe", "--json", "192.0.2.1"}, row.args...)...)
			require.Equal(t, 64, code)
			require.Contains(t, stdout, `"error":{"code":"usage"`)
		})
	}
}

// TestConfiguration_HelpNeedsNone: what explains a mistake works in spite of it.
func TestConfiguration_HelpNeedsNone(t *testing.T) {
	m := newMachine(t)
	m.write(m.userPath(), "wrong")
	for _, line := range []string{"help config", "probe --help", "", "hlc", "completion bash", "man", "--version", "__complete probe -"} {
		code, stdout, stderr := m.run(strings.Fields(line)...)
		require.Zero(t, code, "%s: %s", line, stderr)
		require.NotEmpty(t, stdout, line)
	}
}

// TestConfiguration_JSONFromTheEnvironment: a mistake is an object then too.
func TestConfiguration_JSONFromTheEnvironment(t *testing.T) {
	m := newMachine(t)
	m.env["CLOCKCTL_OUTPUT"] = "json"
	for _, args := range [][]string{{"probe"}, {"probe", "--nonsense"}, {"hlc", "compare", "1"}, {"hlc", "state", "inspect", "--nonsense"}, {"version", "1"}, {"config", "show", "--nonsense"}} {
		code, stdout, _ := m.run(args...)
		require.Equal(t, 64, code, args)
		require.Contains(t, stdout, `"error":{"code":"usage"`, args)
	}
	code, stdout, _ := m.run("probe", "-o", "csv", "--nonsense")
	require.Equal(t, 64, code)
	require.Empty(t, stdout, "what is typed is stronger")
}

// TestConfiguration_AsksForNothingElse of the environment, and only through streams.
func TestConfiguration_AsksForNothingElse(t *testing.T) {
	m := newMachine(t)
	s := m.streams()
	s.outTTY = true
	s.getenv = func(name string) string {
		fine := strings.HasPrefix(name, "CLOCKCTL_") || slices.Contains([]string{"HOME", "XDG_CONFIG_HOME", "USERPROFILE", "NO_COLOR", "TERM"}, name)
		require.True(t, fine, name)
		return m.getenv(name)
	}
	for _, line := range []string{"config show", "hlc now", "version", "probe -n 1 " + closedPort(t), "man", "help"} {
		_ = run(t.Context(), strings.Fields(line), s)
	}
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if !strings.HasSuffix(file, "_test.go") && file != "root.go" {
			require.NotRegexp(t, `os\.(Getenv|LookupEnv|Environ|ExpandEnv|UserConfigDir|UserHomeDir)\b`, string(text), file)
		}
	}
}

// TestSettings_NamesDoNotCollide: no two settings share a variable, and none is named like a
// table of the file.
func TestSettings_NamesDoNotCollide(t *testing.T) {
	variables := map[string]string{variable("config"): "config"}
	note := func(key string) {
		require.Contains(t, []string{"", key}, variables[variable(key)], "one variable, two settings; see sharedAs and onlyOnCommandLine")
		variables[variable(key)] = key
	}
	root := newRoot(streams{}, nil)
	for _, cmd := range everyCommand(root) {
		for _, s := range settingsOf(cmd) {
			note(s.own)
			if s.shared != "" {
				note(s.shared)
				require.NotEqual(t, "server", s.shared)
				table, _, err := root.Find([]string{s.shared})
				require.True(t, err != nil || table == root, "%s of %s is named like a subcommand; see onlyOnCommandLine", s.shared, cmd.CommandPath())
			}
		}
		require.True(t, cmd == root || cmd.PersistentPreRunE == nil && cmd.PersistentPreRun == nil, "%s would not be configured", cmd.CommandPath())
	}
}

// TestSharedAs: a flag whose name means something else elsewhere.
func TestSharedAs(t *testing.T) {
	root := &cobra.Command{Use: "clockctl"}
	root.PersistentFlags().String("config", "", "")
	wait := &cobra.Command{Use: "wait", Run: func(*cobra.Command, []string) {}}
	root.AddCommand(wait)
	whole, single := wait.Flags().String("timeout", "60s", ""), wait.Flags().String("exchange-timeout", "1s", "")
	sharedAs(wait, "timeout", "")
	sharedAs(wait, "exchange-timeout", "timeout")
	m := newMachine(t)
	m.write(m.userPath(), "timeout = '300ms'", "[wait]", "timeout = '5m'")
	c, err := loadConfiguration(root, m.streams())
	require.NoError(t, err)
	require.NoError(t, c.apply(wait))
	require.Equal(t, "5m", *whole)
	require.Equal(t, "300ms", *single)
}
