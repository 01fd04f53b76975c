package commitwait

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
)

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

// reader is a way to choose a timestamp to read a shard at.
type reader func(t *testing.T, n *node, m Mode) hlc.Timestamp

func snapshot(t *testing.T, n *node, m Mode) hlc.Timestamp {
	ts, err := n.committer.Snapshot(t.Context(), m)
	require.NoError(t, err)
	return ts
}

// choose is what the mode asks for, and nothing more.
func choose(t *testing.T, n *node, m Mode) hlc.Timestamp {
	now, err := n.clock.Now()
	require.NoError(t, err)
	return m.choose(now, hlc.Timestamp{})
}

// withoutWaiting raises the floor of later commits, and does not wait for those in flight.
func withoutWaiting(t *testing.T, n *node, m Mode) hlc.Timestamp {
	ts := choose(t, n, m)
	_, err := n.committer.CloseTo(t.Context(), ts)
	require.NoError(t, err)
	return ts
}

// withoutFloor waits for what is in flight, and does not raise the floor of later commits. Its timestamp is that of a node whose clock
// is ahead, which makes it likely that one lands below.
func withoutFloor(t *testing.T, n *node, m Mode) hlc.Timestamp {
	ts := choose(t, n, m)
	ts.WallTime += int64(2 * ε)
	require.NoError(t, n.committer.landed(t.Context(), ts, false))
	return ts
}

// TestSim_SnapshotsAreFreshAndNeverChange: a strong read sees what was acknowledged before it began, and every read gives the same again at the end.
func TestSim_SnapshotsAreFreshAndNeverChange(t *testing.T) {
	stale, changed := shardRun(t, newRand(t), snapshot)
	require.Zero(t, stale)
	require.Zero(t, changed)
}

// TestSim_EveryOtherReaderIsDeceived: so the test above can fail.
func TestSim_EveryOtherReaderIsDeceived(t *testing.T) {
	for why, read := range map[string]reader{"neither": choose, "the floor, no wait": withoutWaiting, "a wait, no floor": withoutFloor} {
		r, stale, changed := newRand(t), 0, 0
		for run := 0; run < 20 && stale+changed == 0; run++ { // without a floor a run finds some five
			stale, changed = shardRun(t, r, read)
		}
		t.Logf("%s: %d reads were stale, %d changed", why, stale, changed)
		require.NotZero(t, stale+changed, why)
	}
}

// shardRun has writers and readers use a shard in virtual time, in both orders and by any mode, over a clock whose bound moves. It
// returns how many strong reads missed what was acknowledged before they began, and how many reads gave something else at the end.
func shardRun(t *testing.T, r *rand.Rand, read reader) (stale, changed int) {
	const writers, writes, readers, reads = 4, 200, 4, 300
	var mu sync.Mutex
	draw := func(n int64) time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return time.Duration(r.Int64N(n))
	}
	synctest.Test(t, func(t *testing.T) {
		s := &shard{node: newNode(t, 0, Options{}), locks: make(chan struct{}, 1)}
		var acknowledged, next int
		var seen []version
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
		for writer := range writers {
			work.Go(func() {
				for range writes {
					time.Sleep(draw(int64(10 * time.Millisecond))) // so that nothing is in flight at times
					s.locks <- struct{}{}
					mu.Lock()
					next++
					value := next
					mu.Unlock()
					s.commit(t, writer%2 == 0, func(ctx context.Context, ts hlc.Timestamp) error {
						time.Sleep(draw(int64(time.Millisecond)))
						return s.write(ctx, ts, value)
					})
					mu.Lock()
					acknowledged = max(acknowledged, value)
					mu.Unlock()
					<-s.locks
				}
			})
		}
		modes := []Mode{Strong(), ExactStaleness(3 * time.Millisecond), MaxStaleness(20 * time.Millisecond), MaxStaleness(time.Millisecond)}
		for reader := range readers {
			work.Go(func() {
				for range reads {
					time.Sleep(draw(int64(3 * time.Millisecond)))
					mu.Lock()
					before := acknowledged
					mu.Unlock()
					ts := read(t, s.node, modes[reader])
					value := s.at(ts)
					mu.Lock()
					if modes[reader] == Strong() && value < before {
						stale++
					}
					seen = append(seen, version{ts, value})
					mu.Unlock()
				}
			})
		}
		time.AfterFunc(10*time.Second, func() { close(stop) })
		work.Wait()
		for _, v := range seen {
			if s.at(v.ts) != v.value {
				changed++
			}
		}
		require.Len(t, s.versions, writers*writes)
		require.Len(t, seen, readers*reads)
	})
	return stale, changed
}

// commit commits in one order or the other.
func (s *shard) commit(t *testing.T, waitFirst bool, apply func(context.Context, hlc.Timestamp) error) {
	if waitFirst {
		_, err := s.committer.Commit(t.Context(), apply)
		require.NoError(t, err)
		return
	}
	p, err := s.committer.Assign(t.Context())
	require.NoError(t, err)
	require.NoError(t, p.Run(t.Context(), apply))
}
