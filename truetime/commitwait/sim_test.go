package commitwait

import (
	"context"
	"flag"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
)

var (
	trials = flag.Int("commit.trials", 20_000, "pairs of transactions in TestSim_OrderIsRealTimeOrder")
	seed   = flag.Uint64("commit.seed", 0, "0: of the time")
)

func newRand(t *testing.T) *rand.Rand {
	t.Helper()
	s := *seed
	if s == 0 {
		s = uint64(time.Now().UnixNano())
	}
	t.Logf("replay with -commit.seed=%d", s)
	return rand.New(rand.NewPCG(s, 1))
}

// violations runs pairs of transactions in virtual time: the second begins 0 to 200 µs after the first, on another node, was acknowledged. The
// half width is 0.5 to 5 ms; each clock is wrong by anything within it, every fourth time by all of it, the first ahead and
// the second behind. claim is the half width that the clocks claim, as a part of the true one in thousandths.
func violations(t *testing.T, r *rand.Rand, trials, claim int) (wrong int) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newNode(t, 0, Options{}), newNode(t, 0, Options{})
		for _, n := range []*node{a, b} { // without an HLC, whose clock knows the true time here
			var err error
			n.committer, err = New(n.clock, nil, Options{})
			require.NoError(t, err)
		}
		for range trials {
			ε := 500*time.Microsecond + time.Duration(r.Int64N(int64(4500*time.Microsecond)))
			errA, errB, gap := time.Duration(r.Int64N(2*int64(ε)+1))-ε, time.Duration(r.Int64N(2*int64(ε)+1))-ε, time.Duration(r.Int64N(200_001))
			if r.IntN(4) == 0 {
				errA, errB, gap = ε, -ε, 0
			}
			a.publish(t, errA, ε*time.Duration(claim)/1000)
			first, err := a.committer.Commit(t.Context(), nothing)
			require.NoError(t, err)
			time.Sleep(gap)
			b.publish(t, errB, ε*time.Duration(claim)/1000)
			second, err := b.committer.Commit(t.Context(), nothing)
			require.NoError(t, err)
			if !first.Before(second) {
				wrong++
			}
		}
	})
	return wrong
}

// TestSim_OrderIsRealTimeOrder: never a violation. The mutants of internal/mutants are killed by it.
func TestSim_OrderIsRealTimeOrder(t *testing.T) {
	require.Zero(t, violations(t, newRand(t), *trials, 1000))
}

// TestSim_ALyingClockBreaksIt: the guarantee rests on the intervals. Clocks that claim a little less than they are wrong by are
// caught; so the test above can fail.
func TestSim_ALyingClockBreaksIt(t *testing.T) {
	for _, claim := range []int{999, 900, 500} {
		wrong := violations(t, newRand(t), 2_000, claim)
		t.Logf("a half width of %d ‰ of the true one: %d of 2000 pairs in the wrong order", claim, wrong)
		require.NotZero(t, wrong)
	}
}

// shard is a store with versions, one lock, and a clock.
type shard struct {
	*node
	locks    chan struct{} // of size 1: taken by a transaction until it is visible
	mu       sync.Mutex
	versions []version
}

type version struct {
	ts    hlc.Timestamp
	value int
}

func (s *shard) write(_ context.Context, ts hlc.Timestamp, value int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.versions = append(s.versions, version{ts, value})
	return nil
}

// at is the value that a read at ts sees.
func (s *shard) at(ts hlc.Timestamp) (value int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var newest hlc.Timestamp
	for _, v := range s.versions {
		if !v.ts.After(ts) && !v.ts.Before(newest) {
			newest, value = v.ts, v.value
		}
	}
	return value
}

// TestSim_SnapshotsAreFreshAndNeverChange: writers and readers of a shard by any mode, in both orders, over a clock whose bound moves.
// A strong read sees what was acknowledged before it began, and every read gives the same again at the end.
func TestSim_SnapshotsAreFreshAndNeverChange(t *testing.T) {
	r := newRand(t)
	var mu sync.Mutex
	draw := func(n int64) time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return time.Duration(r.Int64N(n))
	}
	synctest.Test(t, func(t *testing.T) {
		s := &shard{node: newNode(t, 0, Options{}), locks: make(chan struct{}, 1)}
		type read struct {
			ts    hlc.Timestamp
			value int
		}
		var acknowledged, next int
		var reads []read
		stop := make(chan struct{})
		var work sync.WaitGroup
		work.Go(func() { // the clock
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond):
					ε := time.Millisecond + draw(int64(3*time.Millisecond))
					s.publish(t, draw(2*int64(ε)+1)-ε, ε)
				}
			}
		})
		for writer := range 4 {
			work.Go(func() {
				for range 200 {
					time.Sleep(draw(int64(2 * time.Millisecond)))
					s.locks <- struct{}{}
					mu.Lock()
					next++
					value := next
					mu.Unlock()
					apply := func(ctx context.Context, ts hlc.Timestamp) error {
						time.Sleep(draw(int64(time.Millisecond)))
						return s.write(ctx, ts, value)
					}
					var err error
					if writer%2 == 0 {
						_, err = s.committer.Commit(t.Context(), apply)
					} else {
						var p *Pending
						p, err = s.committer.Assign(t.Context())
						require.NoError(t, err)
						err = p.Run(t.Context(), apply)
					}
					require.NoError(t, err)
					mu.Lock()
					acknowledged = max(acknowledged, value)
					mu.Unlock()
					<-s.locks
				}
			})
		}
		modes := []Mode{Strong(), ExactStaleness(3 * time.Millisecond), MaxStaleness(20 * time.Millisecond), MaxStaleness(time.Millisecond)}
		for reader := range 4 {
			work.Go(func() {
				for range 300 {
					time.Sleep(draw(int64(3 * time.Millisecond)))
					mu.Lock()
					seen := acknowledged
					mu.Unlock()
					ts, err := s.committer.Snapshot(t.Context(), modes[reader])
					require.NoError(t, err)
					value := s.at(ts)
					if modes[reader] == Strong() {
						require.GreaterOrEqual(t, value, seen, "acknowledged before the read began")
					}
					mu.Lock()
					reads = append(reads, read{ts, value})
					mu.Unlock()
				}
			})
		}
		time.AfterFunc(10*time.Second, func() { close(stop) })
		work.Wait()
		for _, r := range reads {
			require.Equal(t, r.value, s.at(r.ts), "a read at %v", r.ts)
		}
		require.Len(t, s.versions, 800)
	})
}
