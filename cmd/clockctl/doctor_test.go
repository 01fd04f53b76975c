package main

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/doctor"
	"github.com/trueclock/trueclock/internal/fleet"
	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// TestDoctor_InterruptedSaysWhatIsKnown: the signal comes with the second request.
func TestDoctor_InterruptedSaysWhatIsKnown(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	server := startServer(t, fleet.Config{Reply: fleet.Then(func(_, _ []byte) [][]byte {
		cancel(&interruptedError{signal: os.Interrupt})
		return nil
	})})
	code, stdout, stderr := invoke(ctx, "doctor", "-i", "1ms", "--timeout", "10s", server)
	require.Equal(t, exitInterrupted, code)
	require.Regexp(t, `(?m)^\[ OK \] agreement +1 of 1 agree`, stdout)
	require.Equal(t, "clockctl: doctor: interrupted by signal interrupt\n", stderr)
	_, stdout, _ = invoke(ctx, "doctor", "-o", "json", server)
	require.Contains(t, stdout, `"error":{"code":"interrupted",`)
}

// TestDoctor_InterruptedAccusesNobody: the signal comes with the first request, which nobody had the
// time to answer.
func TestDoctor_InterruptedAccusesNobody(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	server := startServer(t, fleet.Config{Reply: func(_, _ []byte) [][]byte {
		cancel(&interruptedError{signal: os.Interrupt})
		return nil
	}})
	code, stdout, _ := invoke(ctx, "doctor", "--timeout", "1h", server)
	require.Equal(t, exitInterrupted, code)
	require.Regexp(t, `(?m)^\[SKIP\] reach +interrupted; so far: `, stdout)
	require.Regexp(t, `(?m)^\[SKIP\] agreement +interrupted; so far: `, stdout)
	require.NotContains(t, stdout, "[FAIL]")
}

// TestDoctor_ExitCode: a skipped check is nobody's fault, and a warning only with --strict.
func TestDoctor_ExitCode(t *testing.T) {
	some := func(status ...doctor.Status) (checks []doctor.Check) {
		for _, s := range status {
			checks = append(checks, doctor.Check{Name: "a-" + s.String(), Status: s})
		}
		return checks
	}
	for _, story := range []struct {
		checks        []doctor.Check
		plain, strict string
	}{
		{nil, "", ""},
		{some(doctor.OK, doctor.Skip), "", ""},
		{some(doctor.OK, doctor.Warn), "", "warned (--strict): a-warn; do what it says there"},
		{some(doctor.Fail, doctor.Warn, doctor.Fail), "failed: a-fail, a-fail; do what it says there", "failed: a-fail, a-fail; do what it says there"},
	} {
		for strict, want := range map[bool]string{false: story.plain, true: story.strict} {
			err := (&examination{strict: strict}).outcome(story.checks)
			if want == "" {
				require.NoError(t, err)
				continue
			}
			require.EqualError(t, err, want)
			require.Equal(t, exitBad, exitCode(err))
		}
	}
}

// TestDoctor_FitsATerminal of 80 columns, whatever a server is called.
func TestDoctor_FitsATerminal(t *testing.T) {
	out := &strings.Builder{}
	long := strings.Repeat("µ", 100)
	wrap(out, "name", 7, "one two "+strings.Repeat("words ", 30)+long+" end")
	for i, line := range strings.Split(out.String(), "\n") {
		columns := len([]rune(line))
		if i == 0 {
			columns += 7
		}
		require.True(t, columns <= 79 || strings.Contains(line, long), line)
	}
	require.Equal(t, "one two "+strings.Repeat("words ", 30)+long+" end", strings.Join(strings.Fields(strings.TrimPrefix(out.String(), "name")), " "))
}

// TestNowAt_MovesTheReport to the moment at which the kernel is asked, or says why it cannot.
func TestNowAt_MovesTheReport(t *testing.T) {
	local, err := truetime.NewLocalClock()
	require.NoError(t, err)
	reading, err := local.Read()
	require.NoError(t, err)
	line := func(d time.Duration) truetime.Line {
		return truetime.Line{At: reading.Nanos, Nanos: time.Now().Add(d).UnixNano()}
	}
	r := ntpprobe.Report{Bound: truetime.Bound{At: reading, Expires: reading.Nanos + int64(time.Hour), Generation: 1, Earliest: line(-time.Minute), Latest: line(time.Minute)}}
	r.Instant, err = ntpprobe.ReadInstant(local)
	require.NoError(t, err)
	moved := nowAt(r, local)
	require.NoError(t, moved.Err)
	require.Greater(t, moved.Instant.Before.Nanos, r.Instant.After.Nanos)
	require.Less(t, moved.Interval.Earliest(), moved.Instant.Wall)
	r.Bound.Expires = reading.Nanos
	require.ErrorIs(t, nowAt(r, local).Err, truetime.ErrStale)
	r.Err = truetime.ErrNoQuorum
	require.Equal(t, r, nowAt(r, local))
}
