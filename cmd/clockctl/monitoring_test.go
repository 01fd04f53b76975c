package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/chronyd"
	"github.com/trueclock/trueclock/internal/fleet"
)

const monitoring = "../../docs/monitoring/"

func monitoringFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(monitoring + name)
	require.NoError(t, err)
	return string(text)
}

var metricName = regexp.MustCompile(`\b(?:clockctl|ntpprobe|truetime|hlc|commitwait)_[a-z_]+`)

// TestMonitoring_NamesOnlyMetricsThatExist, and the documentation names every one.
func TestMonitoring_NamesOnlyMetricsThatExist(t *testing.T) {
	exist := existing(t)
	recorded := map[string]bool{}
	for _, m := range regexp.MustCompile(`record: (\S+)`).FindAllStringSubmatch(monitoringFile(t, "rules.yml"), -1) {
		recorded[m[1]] = true
	}
	require.Len(t, recorded, 3)
	for _, file := range []string{"rules.yml", "alerts.yml", "alerts_test.yml", "clockctl.json", "README.md"} {
		text := monitoringFile(t, file)
		for _, name := range metricName.FindAllString(text, -1) {
			_, ok := exist[histogramPart.ReplaceAllString(name, "")]
			require.True(t, ok, "%s names %s, which does not exist", file, name)
		}
		for _, name := range regexp.MustCompile(`\bclockctl:[a-z_:0-9]+`).FindAllString(text, -1) {
			require.True(t, recorded[name], "%s names %s, which no rule records", file, name)
		}
	}
	for name, m := range exist {
		row := fmt.Sprintf("| `%s` | %s | %s | ", name, m.kind, strings.Join(m.labels, ", "))
		require.Contains(t, monitoringFile(t, "README.md"), strings.Replace(row, "|  |", "| |", 1))
	}
}

var histogramPart = regexp.MustCompile(`_(bucket|sum|count)$`)

// TestMonitoring_Dashboard is JSON, each panel has a question, and no two share their place.
func TestMonitoring_Dashboard(t *testing.T) {
	var d struct {
		UID    string
		Panels []struct {
			ID      int
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(monitoringFile(t, "clockctl.json")), &d))
	require.NotEmpty(t, d.UID)
	taken := map[[2]int]string{}
	for _, p := range d.Panels {
		require.NotEmpty(t, p.Targets, p.Title)
		for _, target := range p.Targets {
			require.NotEmpty(t, metricName.FindString(target.Expr)+regexp.MustCompile("clockctl:").FindString(target.Expr), p.Title)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				require.Empty(t, taken[[2]int{x, y}], p.Title)
				require.Less(t, x, 24, p.Title)
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

// dashboardRules are the questions of the dashboard as recording rules, with Grafana's variables filled in: no
// Grafana is at hand to load it, but what reads rules reads its PromQL.
func dashboardRules(t *testing.T) string {
	t.Helper()
	var d struct {
		Panels []struct {
			Targets []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(monitoringFile(t, "clockctl.json")), &d))
	rules := "groups:\n  - name: dashboard\n    rules:\n"
	number := 0
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			expr := strings.NewReplacer("$instance", ".*", "$__rate_interval", "5m").Replace(target.Expr)
			require.NotContains(t, expr, "$", "a variable that is not defined")
			rules += fmt.Sprintf("      - record: dashboard:question:n%d\n        expr: %q\n", number, expr)
			number++
		}
	}
	require.Greater(t, number, 10)
	return rules
}

// TestMonitoring_Promtool checks the rules and runs their tests, and checks what a real serve says.
func TestMonitoring_Promtool(t *testing.T) {
	promtool := chronyd.RequireProgram(t, "promtool", "prometheus")
	do := func(stdin string, args ...string) {
		cmd := exec.CommandContext(t.Context(), promtool, args...)
		cmd.Dir, cmd.Stdin = monitoring, strings.NewReader(stdin)
		output, err := cmd.CombinedOutput()
		require.NoError(t, err, "promtool %v\n%s", args, output)
	}
	do("", "check", "rules", "rules.yml", "alerts.yml")
	do("", "test", "rules", "alerts_test.yml")
	dashboard := filepath.Join(t.TempDir(), "dashboard.yml")
	require.NoError(t, os.WriteFile(dashboard, []byte(dashboardRules(t)), 0o600))
	do("", "check", "rules", dashboard)
	url, _ := serveOn(t, append(onFreePort, servers(t, fleet.Config{}, fleet.Config{}, fleet.Config{})...)...)
	untilReady(t, url)
	_, text := getFrom(t, url+"/metrics")
	do(string(text), "check", "metrics")
}

// TestMonitoring_Unit starts what this program understands, on loopback.
func TestMonitoring_Unit(t *testing.T) {
	_, command, ok := strings.Cut(monitoringFile(t, "clockctl.service"), "ExecStart=/usr/local/bin/clockctl ")
	require.True(t, ok)
	command, _, _ = strings.Cut(command, "\n")
	args := strings.Fields(command)
	cmd, rest, err := newRoot(streams{}, nil).Find(args)
	require.NoError(t, err)
	require.Equal(t, "serve", cmd.Name())
	require.NoError(t, cmd.ParseFlags(rest))
	require.Equal(t, defaultListen, cmd.Flags().Lookup("listen").Value.String())
}

// TestMonitoring_UnitIsKnownToSystemd: it reads every line of the unit and has nothing to say against one. The program is
// copied to where the unit in a root of its own expects it.
func TestMonitoring_UnitIsKnownToSystemd(t *testing.T) {
	analyze := chronyd.RequireProgram(t, "systemd-analyze", "systemd")
	path, err := program()
	require.NoError(t, err)
	unit := filepath.Join(t.TempDir(), "clockctl.service")
	verify := func(text string) string {
		require.NoError(t, os.WriteFile(unit, []byte(strings.Replace(text, "/usr/local/bin/clockctl", path, 1)), 0o600))
		output, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", "--recursive-errors=no", unit).CombinedOutput()
		if err != nil {
			return err.Error() + " " + string(output)
		}
		return string(output)
	}
	text := monitoringFile(t, "clockctl.service")
	require.Empty(t, verify(text))
	require.Contains(t, text, "\nSystemCallErrorNumber=EPERM\n", "/metrics reads the kernel's clock by a call that the filter refuses: without this it would be killed")
	require.Contains(t, verify(strings.Replace(text, "ProtectClock=yes", "ProtectClocks=yes", 1)), "ProtectClocks", "it can fail")
}
