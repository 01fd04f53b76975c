package truetime

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// revWait waits on a clock of its own over the system's local clock until d has passed or a second of the context's time.
func revWait(t *testing.T, d time.Duration) {
	local, err := NewLocalClock()
	if err != nil {
		t.Skip(err)
	}
	c := New(local, Options{})
	r, err := local.Read()
	require.NoError(t, err)
	const at = 1_000_000_000_000_000_000
	b := Bound{At: r, Generation: 1, Earliest: Line{At: r.Nanos, Nanos: at}, Latest: Line{At: r.Nanos, Nanos: at}, Expires: r.Nanos + int64(time.Hour)}
	require.NoError(t, c.Update(b, nil))
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = c.WaitUntilAfter(ctx, time.Unix(0, at+int64(d))) // whatever it says
}

// revAgain runs a test by itself in another process, which it may kill.
func revAgain(t *testing.T) (inside bool) {
	if os.Getenv("REV_BUBBLE") != "" {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.timeout=15s")
	cmd.Env = append(os.Environ(), "REV_BUBBLE=1")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%.600s", out)
	return false
}

// A wait on the system's clock in a bubble of testing/synctest never ends, though its context does: the clock sees a suspend at once
// (it compares real clocks with the bubble's), the alarms' goroutine sits in a read in the bubble, and so the bubble's time
// stands still for ever. ADR 17 says that the clocks there are "as real as ever".
func TestRev_AWaitInABubbleEnds(t *testing.T) {
	if revAgain(t) {
		synctest.Test(t, func(t *testing.T) { revWait(t, 100*time.Millisecond) })
	}
}

// Two clocks that have nothing to do with each other, one waited for outside of a bubble and one inside: they share the alarms of the
// process, whose goroutine outside closes a channel of the bubble, and the runtime kills the process.
func TestRev_AWaitInABubbleBesideOneOutside(t *testing.T) {
	if !revAgain(t) {
		return
	}
	a := systemAlarms()
	defer a.leave(a.set(time.Minute)) // somebody outside
	synctest.Test(t, func(t *testing.T) {
		done := make(chan struct{})
		go func() {
			for { // the bubble is busy in real time
				select {
				case <-done:
					return
				default:
				}
			}
		}()
		revWait(t, 20*time.Millisecond)
		close(done)
	})
}
