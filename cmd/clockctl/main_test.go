package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/chronyc/chronyctest"
	"github.com/trueclock/trueclock/internal/fleet"
	"github.com/trueclock/trueclock/internal/terminal"
)

// TestMain lets scripts run this test binary as the program clockctl. The machine's own
// configuration is never read: what stands for it is named by $SYSTEM_CONFIG.
func TestMain(m *testing.M) {
	if terminal.Guard() {
		return
	}
	if len(os.Args) > 2 && os.Args[1] == "demo" && os.Args[2] == "--child" { // of a demo that a test ran in this process
		os.Exit(mainCode(standardStreams()))
	}
	testscript.Main(tempDir{m}, map[string]func(){"clockctl": func() {
		s := standardStreams()
		s.systemConfig = os.Getenv("SYSTEM_CONFIG")
		os.Exit(mainCode(s))
	}})
}

// sourceDir is this folder, whatever folder a test goes to.
var sourceDir string

// buildDir is where chronyd_test.go builds the program.
var buildDir string

// tempDir gives the tests a directory and removes it.
type tempDir struct{ m *testing.M }

func (d tempDir) Run() int {
	dir, err := os.MkdirTemp("", "clockctl")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	buildDir = dir
	if sourceDir, err = os.Getwd(); err != nil {
		panic(err)
	}
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "CLOCKCTL_") {
			_ = os.Unsetenv(name)
		}
	}
	_ = os.Setenv("CLOCKCTL_CONFIG", os.DevNull) // of the built program
	return d.m.Run()
}

// TestScripts runs the real program against an embedded fleet: H1 to H4 are
// honest, LIAR is 250 ms ahead, BEHIND 400 ms behind, MUTE never answers, CLOSED
// is a port on which nobody listens, WIDE knows the time to 200 ms; see internal/fleet for the others. LIARPORT is the
// port of LIAR. LEAP1 to LEAP3 are in the middle of a month at whose end a second is inserted,
// which QUIET, QUIET2 and QUIET3 hide. TRACES is testdata/traces. CHRONYD, WRONGD (25 s ahead) and LOSTD (without a time) answer
// to the protocol of chronyc.
func TestScripts(t *testing.T) {
	env := scriptFleet(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			for name, value := range env {
				e.Setenv(name, value)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// scriptFleet starts the servers of the scripts and returns their addresses by name.
func scriptFleet(t *testing.T) map[string]string {
	t.Helper()
	traces, err := filepath.Abs("../../testdata/traces")
	require.NoError(t, err)
	env := map[string]string{"CLOSED": closedPort(t), "TRACES": traces}
	mid := midMonth(time.Now().UTC())
	for name, c := range map[string]fleet.Config{
		"H1": {}, "H2": {}, "H3": {}, "H4": {Stratum: 2, ReferenceID: [4]byte{192, 0, 2, 1}},
		"LIAR": {Offset: 250 * time.Millisecond}, "BEHIND": {Offset: -400 * time.Millisecond},
		"MUTE": {Reply: fleet.Silent}, "KISS": {Reply: fleet.Kiss("RATE")}, "DENY": {Reply: fleet.Kiss("DENY")},
		"UNSET": {Reply: fleet.Unsynchronized}, "HELD": {Reply: fleet.HeldFor(time.Second)}, "SHORT": {Reply: fleet.Truncated(40)},
		"FORGED": {Reply: fleet.ForgedFirst}, "FAR": {RootDispersion: 3 * time.Second},
		"TURNS": {Reply: fleet.Turns()}, "SORRY": {Reply: fleet.Then(fleet.Kiss("RATE"))},
		"LEAP1": {Offset: mid, Leap: 1}, "LEAP2": {Offset: mid, Leap: 1}, "LEAP3": {Offset: mid, Leap: 1}, "QUIET": {Offset: mid}, "QUIET2": {Offset: mid}, "QUIET3": {Offset: mid},
		"SMEARS": {Stratum: 2, ReferenceID: [4]byte{127, 127, 1, 255}},
		"WIDE":   {RootDispersion: 200 * time.Millisecond},
	} {
		env[name] = startServer(t, c)
	}
	env["CHRONYD"] = (&chronyctest.Fake{Sources: 1, Ahead: 30}).Start(t)
	env["WRONGD"] = (&chronyctest.Fake{Sources: 1, Offset: 25}).Start(t)
	env["LOSTD"] = (&chronyctest.Fake{Sources: 1, State: 1, Leap: 3}).Start(t)
	_, env["LIARPORT"], _ = strings.Cut(env["LIAR"], ":")
	return env
}

// exits CODE PROGRAM ARG... runs a program that must end with the exit code. What
// clockctl prints as JSON must be what its schema says.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, expected %d", got, want)
	}
	if args[1] == "clockctl" {
		ts.Check(checkPrinted(args[2:], ts.ReadFile("stdout")))
	}
}

func startServer(t testing.TB, c fleet.Config) string {
	t.Helper()
	s, err := fleet.Start(c)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s.Addr()
}

// midMonth is how far the 15th of the month is away, so that a test does not depend on the day.
func midMonth(now time.Time) time.Duration {
	return time.Date(now.Year(), now.Month(), 15, 12, 0, 0, 0, time.UTC).Sub(now)
}

func closedPort(t testing.TB) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer conn.Close()
	return conn.LocalAddr().String()
}

// invoke runs the command in this process, without a terminal.
func invoke(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = run(ctx, args, streams{in: strings.NewReader(""), out: &out, err: &err, getenv: func(string) string { return "" }})
	return code, out.String(), err.String()
}
