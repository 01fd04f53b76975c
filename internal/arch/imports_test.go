package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/trueclock/trueclock"

// mayImport says which packages of ours each package may import directly,
// outside of its tests. A new package gets a line here and in
// docs/architecture.md.
var mayImport = map[string][]string{
	"lamport":                        {"internal/durable"},
	"hlc":                            {"internal/durable"},
	"hlc/hlchttp":                    {"hlc"},
	"truetime":                       {},
	"truetime/truetimetest":          {"truetime"},
	"truetime/commitwait":            {"truetime", "hlc"},
	"truetime/hybrid":                {"truetime", "hlc"},
	"truetime/pause":                 {"internal/clocks"},
	"truetime/phi":                   {},
	"ntpprobe":                       {"truetime"},
	"examples/chat":                  {"hlc", "hlc/hlchttp"},
	"internal/durable":               {},
	"internal/durable/durabletest":   {"internal/durable"},
	"internal/allan":                 {},
	"internal/arch":                  {},
	"internal/chronylog":             {},
	"internal/plot":                  {"internal/termplot"},
	"internal/record":                {"truetime", "ntpprobe"},
	"internal/replay":                {"truetime", "ntpprobe", "internal/allan", "internal/record"},
	"internal/config":                {"ntpprobe"},
	"internal/termplot":              {},
	"internal/terminal":              {},
	"internal/history":               {"hlc"},
	"internal/mutants":               {},
	"internal/fleet":                 {},
	"internal/chronyd":               {},
	"internal/compare":               {"truetime", "ntpprobe", "internal/fleet"},
	"internal/sim":                   {"truetime", "ntpprobe"},
	"internal/timex":                 {},
	"internal/clocks":                {},
	"internal/chronyc":               {},
	"internal/chronyc/chronyctest":   {},
	"internal/timex/timextest":       {},
	"internal/doctor":                {"truetime", "ntpprobe", "internal/clocks", "internal/timex"},
	"internal/demo":                  {"truetime", "truetime/commitwait", "hlc", "ntpprobe", "internal/fleet", "internal/history"},
	"promclock":                      {"truetime", "truetime/commitwait", "hlc", "ntpprobe", "internal/timex"},
	"internal/serve":                 {},
	"internal/skew":                  {"truetime"},
	"cmd/clockctl":                   {"truetime", "truetime/commitwait", "hlc", "lamport", "ntpprobe", "promclock", "internal/chronyc", "internal/allan", "internal/chronylog", "internal/clocks", "internal/config", "internal/demo", "internal/doctor", "internal/plot", "internal/record", "internal/replay", "internal/serve", "internal/skew", "internal/termplot", "internal/terminal", "internal/timex"},
	"internal/terminal/terminaltest": {},
}

// vocabulary are the packages that need the standard library and x/sys alone.
var vocabulary = []string{"lamport", "hlc", "truetime", "truetime/truetimetest", "truetime/commitwait", "truetime/hybrid", "truetime/pause", "truetime/phi", "internal/clocks", "internal/durable", "internal/history"}

// onlyIn says who may import a dependency outside of tests: whoever uses the library must not need it.
var onlyIn = map[string][]string{
	"github.com/anishathalye/porcupine":                       {"internal/demo"},
	"github.com/prometheus/client_golang/prometheus":          {"promclock", "cmd/clockctl"},
	"github.com/prometheus/client_golang/prometheus/promhttp": {"cmd/clockctl"},
	"github.com/pelletier/go-toml/v2":                         {"internal/config"},
	"github.com/pelletier/go-toml/v2/unstable":                {"internal/config"},
	"github.com/facebook/time/ntp/chrony":                     {"internal/chronyc"},
	"github.com/creack/pty":                                   {"internal/terminal/terminaltest"},
}

// pkg is what `go list -json` says, as far as the rules need it.
type pkg struct {
	ImportPath string
	Standard   bool
	Imports    []string
	Deps       []string
	Module     *struct{ Path string }
}

// ours returns the path within the module, and whether it is of the module.
func ours(path string) (string, bool) { return strings.CutPrefix(path, module+"/") }

// importViolations is the rule as a function: direct imports against the table.
func importViolations(packages []pkg) (violations []string) {
	for _, p := range packages {
		name, ok := ours(p.ImportPath)
		if !ok {
			continue
		}
		allowed, known := mayImport[name]
		if !known {
			violations = append(violations, fmt.Sprintf("%s is not in the table of internal/arch: add what it may import", name))
			continue
		}
		for _, imported := range p.Imports {
			if other, ok := ours(imported); ok && !slices.Contains(allowed, other) {
				violations = append(violations, fmt.Sprintf("%s imports %s", name, other))
			}
			if users, ok := onlyIn[imported]; ok && !slices.Contains(users, name) {
				violations = append(violations, fmt.Sprintf("%s imports %s", name, imported))
			}
		}
	}
	return violations
}

// vocabularyViolations: no network, no processes, no logging, no dependencies,
// not even indirectly. log/slog is not log, but imports it: only a direct import of log counts.
func vocabularyViolations(packages []pkg) (violations []string) {
	standard := map[string]bool{}
	for _, p := range packages {
		standard[p.ImportPath] = p.Standard
	}
	for _, p := range packages {
		name, _ := ours(p.ImportPath)
		if !slices.Contains(vocabulary, name) {
			continue
		}
		if slices.Contains(p.Imports, "log") {
			violations = append(violations, name+" imports log")
		}
		for _, dep := range p.Deps {
			_, own := ours(dep)
			switch {
			case dep == "net" || dep == "os/exec":
				violations = append(violations, name+" needs "+dep)
			case !own && !standard[dep] && !strings.HasPrefix(dep, "golang.org/x/sys/"):
				violations = append(violations, name+" needs "+dep)
			}
		}
	}
	return violations
}

// list runs `go list` for one system.
func list(t *testing.T, goos string) (packages []pkg) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Standard,Imports,Deps,Module", "./...")
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "GOOS="+goos, "CGO_ENABLED=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	decoder := json.NewDecoder(bytes.NewReader(output))
	for {
		var p pkg
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages
		}
		require.NoError(t, err)
		packages = append(packages, p)
	}
}

func TestImports_PointInward(t *testing.T) {
	for _, goos := range []string{"linux", "darwin", "windows"} {
		packages := list(t, goos)
		require.Greater(t, len(packages), 50, "the list is complete")
		require.Empty(t, importViolations(packages), goos)
		require.Empty(t, vocabularyViolations(packages), goos)
	}
}

// TestImports_TheRulesCanFail feeds them what they must refuse.
func TestImports_TheRulesCanFail(t *testing.T) {
	bad := []pkg{
		{ImportPath: module + "/hlc", Imports: []string{"log", module + "/truetime"}, Deps: []string{"log", "net", module + "/truetime", "example.net/dep", "golang.org/x/sys/unix"}},
		{ImportPath: module + "/somewhere/new"},
		{ImportPath: module + "/cmd/clockctl", Imports: []string{"github.com/anishathalye/porcupine"}},
		{ImportPath: module + "/internal/demo", Imports: []string{"github.com/anishathalye/porcupine"}},
		{ImportPath: module + "/truetime", Deps: []string{"os/exec", "time"}},
		{ImportPath: "net", Standard: true}, {ImportPath: "log", Standard: true}, {ImportPath: "time", Standard: true}, {ImportPath: "os/exec", Standard: true},
	}
	require.Equal(t, []string{"hlc imports truetime", "somewhere/new is not in the table of internal/arch: add what it may import", "cmd/clockctl imports github.com/anishathalye/porcupine"}, importViolations(bad))
	require.Equal(t, []string{"hlc imports log", "hlc needs net", "hlc needs example.net/dep", "truetime needs os/exec"}, vocabularyViolations(bad))
}

// TestModule_HasNoReplace: with one, `go install …@latest` would refuse it.
func TestModule_HasNoReplace(t *testing.T) {
	text, err := os.ReadFile("../../go.mod")
	require.NoError(t, err)
	require.NotContains(t, string(text), "replace")
}

// TestTable_IsInTheDocumentation: docs/architecture.md names every package.
func TestTable_IsInTheDocumentation(t *testing.T) {
	text, err := os.ReadFile("../../docs/architecture.md")
	require.NoError(t, err)
	for name := range mayImport {
		require.Contains(t, string(text), "| `"+name+"` |")
	}
}
