package commitwait

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const ε = 2 * time.Millisecond

// node is one machine in virtual time: its interval is always true time + lie ± ε.
type node struct {
	local     *truetimetest.Virtual
	clock     *truetime.Clock
	events    *hlc.Clock
	committer *Committer
}

func newNode(t *testing.T, lie time.Duration, o Options) *node {
	t.Helper()
	n := &node{local: truetimetest.NewVirtual(0)}
	n.clock = truetime.New(n.local, truetime.Options{})
	n.publish(t, lie, ε)
	var err error
	n.events, err = hlc.New(hlc.Options{})
	require.NoError(t, err)
	n.committer, err = New(n.clock, n.events, o)
	require.NoError(t, err)
	return n
}

func (n *node) publish(t *testing.T, lie, uncertainty time.Duration) {
	t.Helper()
	r, err := n.local.Read()
	require.NoError(t, err)
	b := truetimetest.Around(r, time.Now().Add(lie).UnixNano(), uncertainty, 0)
	b.Generation = truetime.NewGeneration()
	require.NoError(t, n.clock.Update(b, nil))
}

func nothing(context.Context, hlc.Timestamp) error { return nil }

// TestCommit_OrderIsRealTimeOrder_AtTheCorner is the worst case: the first node's
// clock is as fast as its bound allows, the second one's as slow, and the second
// transaction begins the instant the first is acknowledged. One nanosecond less of wait,
// a timestamp below latest, or ≥ instead of > breaks it.
func TestCommit_OrderIsRealTimeOrder_AtTheCorner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fast, slow := newNode(t, +ε, Options{}), newNode(t, -ε, Options{})
		began := time.Now()
		first, err := fast.committer.Commit(t.Context(), nothing)
		require.NoError(t, err)
		waited := time.Since(began)
		second, err := slow.committer.Commit(t.Context(), nothing)
		require.NoError(t, err)
		require.Less(t, first.WallTime, second.WallTime, "%v was acknowledged before %v began", first, second)
		require.Equal(t, 2*ε+time.Nanosecond, waited, "the wait is 2ε and not more")
	})
}

// TestCommit_PerfectClocksStillWait: without any uncertainty earliest, latest and
// the timestamp are one moment, and only the strict comparison keeps the second
// transaction from getting the same one.
func TestCommit_PerfectClocksStillWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newNode(t, 0, Options{}), newNode(t, 0, Options{})
		a.publish(t, 0, 0)
		b.publish(t, 0, 0)
		first, err := a.committer.Commit(t.Context(), nothing)
		require.NoError(t, err)
		second, err := b.committer.Commit(t.Context(), nothing)
		require.NoError(t, err)
		require.Less(t, first.WallTime, second.WallTime)
	})
}

// TestCommit_NothingIsVisibleBeforeTheWaitIsOver: at apply, the timestamp is in
// the past of every honest clock.
func TestCommit_NothingIsVisibleBeforeTheWaitIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, ε, Options{})
		applied := false
		ts, err := n.committer.Commit(t.Context(), func(_ context.Context, ts hlc.Timestamp) error {
			applied = true
			passed, err := n.clock.After(ts.Time())
			require.NoError(t, err)
			require.True(t, passed)
			require.Less(t, ts.WallTime, time.Now().UnixNano(), "in true time")
			return nil
		})
		require.NoError(t, err)
		require.True(t, applied)
		require.True(t, n.events.Now().After(ts), "later local events come after the commit")
	})
}

// TestCommit_TheHLCFollowsWhenTheTimestampHasPassed: not during the wait, when its
// messages would carry a future time, and before apply, so that what apply and its
// readers stamp comes after the commit, however slow the clock under the HLC is.
func TestCommit_TheHLCFollowsWhenTheTimestampHasPassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{})
		events, err := hlc.New(hlc.Options{Physical: func() int64 { return time.Now().Add(-100 * time.Millisecond).UnixNano() }})
		require.NoError(t, err)
		committer, err := New(n.clock, events, Options{})
		require.NoError(t, err)
		var inside, ts hlc.Timestamp
		var commit sync.WaitGroup
		commit.Go(func() {
			ts, err = committer.Commit(t.Context(), func(context.Context, hlc.Timestamp) error { inside = events.Now(); return nil })
		})
		synctest.Wait()
		require.Zero(t, events.Peek(), "waiting")
		commit.Wait()
		require.NoError(t, err)
		require.True(t, inside.After(ts), "%v, stamped by apply, is not after %v", inside, ts)
	})
}

// TestCommit_StampsRise: within one node and above every floor, also in one
// instant and with an HLC that runs ahead.
func TestCommit_StampsRise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{})
		var mu sync.Mutex
		var order []hlc.Timestamp
		var work sync.WaitGroup
		began := time.Now()
		for range 50 { // all at the same virtual instant
			work.Go(func() {
				ts, err := n.committer.Commit(t.Context(), nothing)
				mu.Lock()
				defer mu.Unlock()
				require.NoError(t, err)
				order = append(order, ts)
			})
		}
		work.Wait()
		require.Less(t, time.Since(began), 3*ε, "they wait in parallel")
		unique := map[hlc.Timestamp]bool{}
		for _, ts := range order {
			unique[ts] = true
		}
		require.Len(t, unique, 50)

		iv, err := n.clock.Now()
		require.NoError(t, err)
		ahead := hlc.Timestamp{WallTime: iv.LatestUnixNano() + 1e6, Logical: hlc.DefaultMaxLogical}
		require.NoError(t, n.events.Observe(ahead))
		ts, err := n.committer.Commit(t.Context(), nothing)
		require.NoError(t, err)
		require.Equal(t, hlc.Timestamp{WallTime: ahead.WallTime + 1}, ts, "above the HLC, with the carry")

		iv, err = n.clock.Now()
		require.NoError(t, err)
		floor := hlc.Timestamp{WallTime: iv.LatestUnixNano() + 5e6, Logical: 3}
		ts, err = n.committer.Commit(t.Context(), nothing, hlc.Timestamp{WallTime: 1}, floor)
		require.NoError(t, err)
		require.Equal(t, hlc.Timestamp{WallTime: floor.WallTime, Logical: 4}, ts, "above the highest floor")

		iv, err = n.clock.Now()
		require.NoError(t, err)
		floor = hlc.Timestamp{WallTime: iv.LatestUnixNano() + 1e6, Logical: hlc.DefaultMaxLogical + 7}
		ts, err = n.committer.Commit(t.Context(), nothing, floor)
		require.NoError(t, err)
		require.Equal(t, hlc.Timestamp{WallTime: floor.WallTime + 1}, ts, "one that the HLC believes, whatever the floor is")
	})
}

// TestCommit_RefusesBeforeItAssigns: an error before the wait leaves no trace,
// so the next commit is stamped as if there had been none.
func TestCommit_RefusesBeforeItAssigns(t *testing.T) {
	deadline := func(d time.Duration) func(context.Context) (context.Context, context.CancelFunc) {
		return func(ctx context.Context) (context.Context, context.CancelFunc) { return context.WithTimeout(ctx, d) }
	}
	cases := []struct {
		why     string
		options Options
		ctx     func(context.Context) (context.Context, context.CancelFunc)
		prepare func(t *testing.T, n *node)
		floor   time.Duration // above true time
		want    any
	}{
		{"too uncertain", Options{MaxUncertainty: ε - 1}, nil, nil, 0, new(*truetime.UncertaintyError)},
		{"the wait would be longer than allowed", Options{MaxWait: 2*ε - 1}, nil, nil, 0, new(*truetime.WaitTooLongError)},
		{"the deadline comes first", Options{}, deadline(2*ε - 1), nil, 0, new(*truetime.WaitTooLongError)},
		{"the context has ended", Options{}, deadline(-1), nil, 0, new(*truetime.WaitError)},
		{"a floor too far ahead would stall everybody", Options{MaxFloorLead: time.Second}, nil, nil, ε + time.Second + 1, new(*FloorTooFarError)},
		{"a floor at the end of time", Options{}, nil, nil, math.MaxInt64, new(*FloorTooFarError)},
		{"the clock is disrupted", Options{}, nil, func(t *testing.T, n *node) {
			require.NoError(t, n.clock.Update(truetime.Bound{}, &truetime.DisruptedError{Cause: "test"}))
		}, 0, new(*truetime.DisruptedError)},
	}
	for _, c := range cases {
		t.Run(c.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNode(t, 0, c.options)
				if c.prepare != nil {
					c.prepare(t, n)
				}
				ctx := t.Context()
				if c.ctx != nil {
					var cancel context.CancelFunc
					ctx, cancel = c.ctx(ctx)
					defer cancel()
				}
				floor := hlc.Timestamp{}
				if c.floor > 0 {
					floor.WallTime = time.Now().UnixNano() + min(int64(c.floor), math.MaxInt64-time.Now().UnixNano())
				}
				began := time.Now()
				_, err := n.committer.Commit(ctx, func(context.Context, hlc.Timestamp) error {
					t.Error("applied")
					return nil
				}, floor)
				require.ErrorAs(t, err, c.want)
				require.Zero(t, time.Since(began), "refused at once")
				require.Zero(t, n.committer.last)
				require.Zero(t, n.events.Peek())
			})
		})
	}
}

// TestCommit_CancelledDuringTheWait: nothing was applied, the stamp is burnt.
func TestCommit_CancelledDuringTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{})
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("client went away")
		time.AfterFunc(ε, func() { cancel(why) })
		_, err := n.committer.Commit(ctx, func(context.Context, hlc.Timestamp) error { t.Error("applied"); return nil })
		require.ErrorIs(t, err, why)
		burnt := n.committer.last
		require.NotZero(t, burnt)
		ts, err := n.committer.Commit(t.Context(), nothing)
		require.NoError(t, err)
		require.True(t, ts.After(burnt))
	})
}

// TestCommit_ANewGenerationDuringTheWait: what the old bound said about earliest
// is discarded; the new one says that true time is earlier, so the wait is longer.
func TestCommit_ANewGenerationDuringTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 10*time.Millisecond, Options{}) // disproved below
		began := time.Now()
		time.AfterFunc(time.Millisecond, func() {
			require.NoError(t, n.clock.Update(truetime.Bound{}, &truetime.DisruptedError{Cause: "test"}))
			n.publish(t, 0, ε)
		})
		_, err := n.committer.Commit(t.Context(), func(_ context.Context, ts hlc.Timestamp) error {
			require.Less(t, ts.WallTime, time.Now().UnixNano(), "in true time")
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, 10*time.Millisecond+2*ε+1, time.Since(began))
	})
}

// TestCommit_ApplyFails for certain: its error comes back with the burnt stamp, and the shard is safe there.
func TestCommit_ApplyFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{})
		why := errors.New("conflict")
		_, err := n.committer.Commit(t.Context(), func(context.Context, hlc.Timestamp) error { return NotApplied(why) })
		var apply *ApplyError
		require.ErrorAs(t, err, &apply)
		require.ErrorIs(t, err, why)
		require.Equal(t, n.committer.last, apply.TS)
		require.Equal(t, apply.TS, n.events.Peek(), "what apply stamped came after it")
		require.Equal(t, apply.TS, n.committer.SafeTime())
		require.NoError(t, NotApplied(nil))
	})
}

// TestCommit_ApplyDoesNotSay whether the transaction is in the store: then no snapshot may be served that it
// could appear in, until somebody knows.
func TestCommit_ApplyDoesNotSay(t *testing.T) {
	why := errors.New("connection lost")
	for name, apply := range map[string]func(context.Context, hlc.Timestamp) error{
		"an error": func(context.Context, hlc.Timestamp) error { return why },
		"a panic":  func(context.Context, hlc.Timestamp) error { panic(why) },
	} {
		for _, committed := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n := newNode(t, 0, Options{})
					var unknown *OutcomeUnknownError
					func() {
						defer func() { _ = recover() }()
						_, err := n.committer.Commit(t.Context(), apply)
						require.ErrorAs(t, err, &unknown)
						require.ErrorIs(t, err, why)
					}()
					s := n.committer.last
					require.Equal(t, before(s, hlc.Layout{}), n.committer.SafeTime())
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					_, err := n.committer.Snapshot(ctx, Strong())
					require.ErrorIs(t, err, context.DeadlineExceeded, "blocked")
					_, err = n.committer.Snapshot(t.Context(), At(before(s, hlc.Layout{})))
					require.NoError(t, err, "below it is safe")

					require.ErrorAs(t, n.committer.Resolve(t.Context(), hlc.Timestamp{WallTime: 1}, true), new(*NotInFlightError))
					require.NoError(t, n.committer.Resolve(t.Context(), s, committed))
					require.ErrorAs(t, n.committer.Resolve(t.Context(), s, committed), new(*NotInFlightError), "it is known now")
					_, err = n.committer.Snapshot(t.Context(), Strong())
					require.NoError(t, err)
				})
			})
		}
	}
}

// TestCommit_AnHLCTooFarAhead is refused like a floor: else one event stamped while the
// clock under it was fast would hold up every commit.
func TestCommit_AnHLCTooFarAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var report CommitStats
		n := newNode(t, 0, Options{MaxFloorLead: 300 * time.Millisecond, OnCommit: func(s CommitStats) { report = s }})
		require.NoError(t, n.events.Observe(hlc.Timestamp{WallTime: time.Now().Add(300*time.Millisecond + ε).UnixNano()}))
		_, err := n.committer.Commit(t.Context(), nothing)
		require.NoError(t, err, "exactly the limit above latest")
		require.Equal(t, 300*time.Millisecond, report.Lead)
		require.NoError(t, n.events.Observe(hlc.Timestamp{WallTime: time.Now().Add(301*time.Millisecond + ε).UnixNano()}))
		before := n.committer.last
		_, err = n.committer.Commit(t.Context(), nothing)
		require.ErrorAs(t, err, new(*FloorTooFarError))
		require.Equal(t, before, n.committer.last, "nothing was assigned")
	})
}

// TestCommit_AnHLCOverASlowClock: its physical clock is an hour slow. That the timestamp has passed is certain, so
// the HLC goes there all the same.
func TestCommit_AnHLCOverASlowClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{})
		events, err := hlc.New(hlc.Options{Physical: func() int64 { return time.Now().Add(-time.Hour).UnixNano() }})
		require.NoError(t, err)
		var report CommitStats
		committer, err := New(n.clock, events, Options{OnCommit: func(s CommitStats) { report = s }})
		require.NoError(t, err)
		ts, err := committer.Commit(t.Context(), func(_ context.Context, ts hlc.Timestamp) error {
			require.True(t, events.Now().After(ts))
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, ts.WallTime, events.Peek().WallTime)
		require.Equal(t, uint64(1), events.Stats().Forced)
		require.ErrorAs(t, report.Refused, new(*hlc.TooFarAheadError), "it is told whom to look at")
	})
}

func TestNew_RefusesWhatCannotWork(t *testing.T) {
	_, err := New(nil, nil, Options{})
	require.Error(t, err)
	clock := truetime.New(truetimetest.NewManual(0), truetime.Options{})
	for _, o := range []Options{{MaxUncertainty: -1}, {MaxWait: -1}, {MaxFloorLead: -1}} {
		_, err = New(clock, nil, o)
		require.Error(t, err)
	}
	c, err := New(clock, nil, Options{})
	require.NoError(t, err)
	_, err = c.Commit(t.Context(), nil)
	require.Error(t, err)
	_, err = c.Commit(t.Context(), nothing)
	require.ErrorIs(t, err, truetime.ErrUnsynchronized)
}

// TestOptions_TheLargestIsNoLimit: twice of it must not wrap.
func TestOptions_TheLargestIsNoLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{MaxUncertainty: math.MaxInt64})
		_, err := n.committer.Commit(t.Context(), nothing)
		require.NoError(t, err)
	})
}
