package pause

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/trueclock/trueclock/internal/chronyd"
	"github.com/trueclock/trueclock/internal/clocks"
)

// process is a child that watches itself.
type process struct {
	*exec.Cmd
	told  chan told
	stdin io.Closer
}

// launch starts one and returns when it is ready.
func launch(t testing.TB, mode string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0]), told: make(chan told, 1000)}
	p.Env = append(os.Environ(), childMode+"="+mode)
	p.Stderr = os.Stderr
	stdin, err := p.StdinPipe()
	require.NoError(t, err)
	p.stdin = stdin
	stdout, err := p.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer close(p.told)
		for lines := json.NewDecoder(stdout); ; {
			var line told
			if lines.Decode(&line) != nil {
				return
			}
			p.told <- line
		}
	}()
	t.Cleanup(func() {
		_ = p.Process.Signal(unix.SIGCONT)
		_ = p.Process.Kill()
		<-ended
		_ = p.Wait()
	})
	p.wait(t, "ready", func(line told) bool { return line.Ready })
	return p
}

// wait returns the first line that is wanted, and fails after half a minute.
func (p *process) wait(t testing.TB, what string, wanted func(told) bool) told {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		select {
		case line, ok := <-p.told:
			require.True(t, ok, "the child ended before it was %s", what)
			if wanted(line) {
				return line
			}
			t.Logf("not %s: %+v %+v", what, line, line.Finding.Evidence)
		case <-deadline:
			require.FailNow(t, "never told: "+what)
		}
	}
}

// mono reads the clock that all processes share.
func mono(t testing.TB) int64 {
	t.Helper()
	s, err := clocks.Read()
	require.NoError(t, err)
	return s.Mono
}

// during has the child stand still for about that long and checks that it tells so: the kind, and
// a length that encloses the true one, as far as we know it.
func (p *process) during(t testing.TB, kind Kind, length time.Duration, stop, goOn func()) told {
	t.Helper()
	before := mono(t)
	stop()
	stopped := mono(t)
	<-time.After(length)
	continued := mono(t)
	goOn()
	line := p.wait(t, string(kind), func(line told) bool {
		return line.Finding.Kind.StoodStill() && line.Finding.Most >= time.Duration(continued-stopped)
	})
	f := line.Finding
	require.Equal(t, kind, f.Kind, "%+v", f)
	require.GreaterOrEqual(t, line.Mono, continued)
	require.LessOrEqual(t, f.Least, time.Duration(line.Mono-before), "%+v", f)
	line.Mono -= continued
	return line
}

// sigstop stops the child and returns when it stands still.
func (p *process) sigstop(t testing.TB) {
	t.Helper()
	require.NoError(t, p.Process.Signal(unix.SIGSTOP))
	var status unix.WaitStatus
	_, err := unix.Wait4(p.Process.Pid, &status, unix.WUNTRACED, nil)
	require.NoError(t, err)
	require.True(t, status.Stopped())
}

func (p *process) sigcont(t testing.TB) {
	t.Helper()
	require.NoError(t, p.Process.Signal(unix.SIGCONT))
}

// TestProcess_SIGSTOP: a real one is told as such, thrice.
func TestProcess_SIGSTOP(t *testing.T) {
	p := launch(t, "idle")
	for range 3 {
		p.during(t, Stopped, 500*ms, func() { p.sigstop(t) }, func() { p.sigcont(t) })
	}
}

// TestProcess_GarbageIsNoSIGSTOP: a process that collects garbage all the time is not told to be
// stopped, and a SIGSTOP in the midst of it is.
func TestProcess_GarbageIsNoSIGSTOP(t *testing.T) {
	p := launch(t, "garbage")
	quiet := time.After(2 * time.Second)
	for done := false; !done; {
		select {
		case line := <-p.told:
			require.False(t, line.Finding.Kind == Stopped && line.Finding.Least > 400*ms, "%+v", line.Finding)
		case <-quiet:
			done = true
		}
	}
	p.during(t, Stopped, 600*ms, func() { p.sigstop(t) }, func() { p.sigcont(t) })
}

// TestProcess_ALongGCPause is told as one, if the process has half of a CPU in it. What makes it long
// is a loop that is not interrupted.
func TestProcess_ALongGCPause(t *testing.T) {
	t.Setenv("GODEBUG", "asyncpreemptoff=1")
	p := launch(t, "longgc")
	for range 5 {
		f := p.wait(t, "in a long GC pause", func(line told) bool {
			return line.Finding.Least > 0 && line.Finding.Evidence.GC >= line.Finding.Least
		}).Finding
		if f.Kind == GC {
			return
		}
		taken := f.Kind == Throttled || f.Kind == Stolen || f.Evidence.CPU < f.Evidence.GC/2
		require.True(t, taken, "it ran, and is told to be %v: %+v", f, f.Evidence)
	}
	t.Skip("others have the CPUs of this machine")
}

// hierarchy is where cgroups with a file of that name can be made; the test is skipped if that is
// nowhere. Rights over cgroups are a machine's own matter, so TRUECLOCK_REQUIRE must name "cgroup".
func hierarchy(t *testing.T, version int, file string) string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	for line := range strings.Lines(string(mounts)) {
		mount, system, _ := strings.Cut(line, " - ")
		if v := map[string]int{"cgroup": 1, "cgroup2": 2}[strings.Fields(system)[0]]; v != version {
			continue
		}
		dir, err := os.MkdirTemp(strings.Fields(mount)[4], "trueclock-pause-")
		if err != nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, file)); err == nil {
			t.Cleanup(func() { _ = os.Remove(dir) })
			return dir
		}
		_ = os.Remove(dir)
	}
	reason := fmt.Sprintf("no cgroup of version %d with %s can be made here", version, file)
	if slices.Contains(strings.Split(os.Getenv("TRUECLOCK_REQUIRE"), ","), "cgroup") {
		t.Fatal(reason + ", and TRUECLOCK_REQUIRE asks for it")
	}
	t.Skip(reason)
	return ""
}

func write(t testing.TB, dir, file, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0))
}

// TestProcess_Freezer: a frozen process is a stopped one.
func TestProcess_Freezer(t *testing.T) {
	for version, f := range map[int]struct{ file, frozen, thawed string }{
		1: {"freezer.state", "FROZEN", "THAWED"},
		2: {"cgroup.freeze", "1", "0"},
	} {
		t.Run(fmt.Sprintf("version %d", version), func(t *testing.T) {
			dir := hierarchy(t, version, f.file)
			p := launch(t, "idle")
			write(t, dir, "cgroup.procs", fmt.Sprint(p.Process.Pid))
			t.Cleanup(func() { write(t, dir, f.file, f.thawed) })
			p.during(t, Stopped, 500*ms, func() { write(t, dir, f.file, f.frozen); frozen(t, dir, version) }, func() { write(t, dir, f.file, f.thawed) })
		})
	}
}

// frozen waits until all of a cgroup stand still.
func frozen(t *testing.T, dir string, version int) {
	t.Helper()
	file, wants := "freezer.state", "FROZEN"
	if version == 2 {
		file, wants = "cgroup.events", "frozen 1"
	}
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(filepath.Join(dir, file))
		return err == nil && strings.Contains(string(text), wants)
	}, 10*time.Second, ms)
}

// TestProcess_Throttled: a busy process with a tenth of a CPU is told to be throttled.
func TestProcess_Throttled(t *testing.T) {
	for version, quota := range map[int]map[string]string{
		1: {"cpu.cfs_period_us": "500000", "cpu.cfs_quota_us": "50000"},
		2: {"cpu.max": "50000 500000"},
	} {
		t.Run(fmt.Sprintf("version %d", version), func(t *testing.T) {
			dir := hierarchy(t, version, map[int]string{1: "cpu.cfs_quota_us", 2: "cpu.max"}[version])
			for _, file := range []string{"cpu.cfs_period_us", "cpu.cfs_quota_us", "cpu.max"} {
				if text := quota[file]; text != "" {
					write(t, dir, file, text)
				}
			}
			t.Setenv(childCgroup, dir)
			p := launch(t, "busy")
			line := p.wait(t, "throttled", func(line told) bool { return line.Finding.Kind == Throttled })
			require.GreaterOrEqual(t, line.Finding.Evidence.Throttled, line.Finding.Least/2)
		})
	}
}

// TestProcess_SuspendOfAnotherNamespace: we cannot have this machine sleep. A child in a time
// namespace reads the real clocks with BOOTTIME ten seconds ahead, which from here looks as if
// it had slept so long. REALTIME does not follow there, so it looks set back, too.
func TestProcess_SuspendOfAnotherNamespace(t *testing.T) {
	program := chronyd.RequireProgram(t, "unshare", "util-linux")
	if out, err := exec.Command(program, "--time", "true").CombinedOutput(); err != nil {
		t.Skipf("time namespaces cannot be made here: %s", out)
	}
	m := newMachine()
	defer m.close()
	s, r, err := m.look()
	require.NoError(t, err)
	known, _ := newObserver(usualLimits, ms).next(s, r)
	child := exec.Command(program, "--time", "--boottime", "10", os.Args[0])
	child.Env = append(os.Environ(), childMode+"=clocks")
	out, err := child.Output()
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(out, &s))
	_, findings := known.next(s, reading{mono: s.Mono})
	findings = slices.DeleteFunc(findings, func(f Finding) bool { return f.Kind != Suspended && f.Kind != Stepped }) // it takes time to start a child
	require.Equal(t, []string{"suspended 10s", "stepped -10s"}, describe(t, findings, []string{"suspended 10s", "stepped -10s"}))
}
