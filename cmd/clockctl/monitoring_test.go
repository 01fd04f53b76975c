package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/fleet"
)

const monitoring = "../../docs/monitoring/"

// servedMetrics are the names that a serve has once it is synchronized, those of a histogram's
// parts included.
func servedMetrics(t *testing.T) map[string]bool {
	t.Helper()
	url, _ := serveOn(t, append(onFreePort, servers(t, fleet.Config{}, fleet.Config{}, fleet.Config{})...)...)
	untilReady(t, url)
	names := map[string]bool{}
	require.Eventually(t, func() bool { // the first scrape may find a clock that is just ready
		_, text := getFrom(t, url+"/metrics")
		for _, m := range regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`).FindAllStringSubmatch(string(text), -1) {
			names[m[1]] = true
			if m[2] == "histogram" {
				names[m[1]+"_bucket"], names[m[1]+"_sum"], names[m[1]+"_count"] = true, true, true
			}
		}
		return names["clockctl_last_sync_timestamp_seconds"]
	}, 20*time.Second, 10*time.Millisecond)
	return names
}

func monitoringFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(monitoring + name)
	require.NoError(t, err)
	return string(text)
}

var metricName = regexp.MustCompile(`\b(?:clockctl|ntpprobe|truetime|hlc|commitwait)_[a-z_]+`)

// TestMonitoring_NamesOnlyMetricsThatExist, and the documentation names every one.
func TestMonitoring_NamesOnlyMetricsThatExist(t *testing.T) {
	served := servedMetrics(t)
	recorded := map[string]bool{}
	for _, m := range regexp.MustCompile(`record: (\S+)`).FindAllStringSubmatch(monitoringFile(t, "rules.yml"), -1) {
		recorded[m[1]] = true
	}
	require.Len(t, recorded, 3)
	for _, file := range []string{"rules.yml", "alerts.yml", "alerts_test.yml", "clockctl.json", "README.md"} {
		text := monitoringFile(t, file)
		for _, name := range metricName.FindAllString(text, -1) {
			require.True(t, served[name], "%s names %s, which serve does not have", file, name)
		}
		for _, name := range regexp.MustCompile(`\bclockctl:[a-z_:0-9]+`).FindAllString(text, -1) {
			require.True(t, recorded[name], "%s names %s, which no rule records", file, name)
		}
	}
	for name := range served {
		for _, part := range []string{"_bucket", "_sum", "_count"} {
			name = strings.TrimSuffix(name, part)
		}
		require.Contains(t, monitoringFile(t, "README.md"), "| `"+name+"` |")
	}
}

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

// TestMonitoring_Promtool checks the rules and runs their tests, and checks what a real serve says.
func TestMonitoring_Promtool(t *testing.T) {
	promtool := requireProgram(t, "promtool", "prometheus")
	do := func(stdin string, args ...string) {
		cmd := exec.CommandContext(t.Context(), promtool, args...)
		cmd.Dir, cmd.Stdin = monitoring, strings.NewReader(stdin)
		output, err := cmd.CombinedOutput()
		require.NoError(t, err, "promtool %v\n%s", args, output)
	}
	do("", "check", "rules", "rules.yml", "alerts.yml")
	do("", "test", "rules", "alerts_test.yml")
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
