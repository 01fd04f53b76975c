package lease

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

// TestMain fails the package if any test leaves a goroutine behind (I10).
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	ttl = 10 * time.Second
	ε   = 50 * time.Millisecond
)

// leaning returns the clock of a machine in virtual time: true time + lean ± ε, which contains true time if |lean| ≤ ε.
func leaning(t testing.TB, lean, ε time.Duration) *truetime.Clock {
	t.Helper()
	local := truetimetest.NewVirtual(0)
	c := truetime.New(local, truetime.Options{})
	r, err := local.Read()
	require.NoError(t, err)
	b := truetimetest.Around(r, time.Now().UnixNano()+int64(lean), ε, 0)
	b.Expires = r.Nanos + int64(1000*time.Hour)
	require.NoError(t, c.Update(b, nil))
	return c
}

// acquired has a node hold the lease until the end of the test.
func acquired(t testing.TB, clock *truetime.Clock, store Store, holder string) *Guard {
	t.Helper()
	g, err := Acquire(t.Context(), clock, store, "orders", Options{Holder: holder, TTL: ttl})
	require.NoError(t, err)
	t.Cleanup(func() { _ = g.Release(context.Background()) })
	return g
}

var errLost = errors.New("the answer was lost")

// flaky is a store whose swaps fail as a test says.
type flaky struct {
	Memory
	mu   sync.Mutex
	fail func(name string, old, next Record) (effect bool, err error)
}

func (f *flaky) failing(fail func(name string, old, next Record) (effect bool, err error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = fail
}

func (f *flaky) CompareAndSwap(ctx context.Context, name string, old, next Record) error {
	f.mu.Lock()
	fail := f.fail
	f.mu.Unlock()
	if fail == nil {
		return f.Memory.CompareAndSwap(ctx, name, old, next)
	}
	effect, err := fail(name, old, next)
	if effect {
		if e := f.Memory.CompareAndSwap(ctx, name, old, next); err == nil {
			err = e
		}
	}
	return err
}

// down is a store that cannot be reached; unanswered does what it is asked to, and nobody hears of it.
func down(string, Record, Record) (bool, error)       { return false, errLost }
func unanswered(string, Record, Record) (bool, error) { return true, errLost }

// raced is set when the race detector is on. It slows tests down several times and sees no more in a thousand stories than in a hundred; the run
// without it tells them all.
var raced bool
