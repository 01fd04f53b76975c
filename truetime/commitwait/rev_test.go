package commitwait

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
)

func pack(t *testing.T, l hlc.Layout, ts hlc.Timestamp) uint64 {
	t.Helper()
	packed, err := l.Pack(ts)
	require.NoError(t, err)
	return packed
}

// A commit wait that a Prepared of another shard reports as "decided, not carried out yet" is taken by the coordinator for
// "certainly not applied": it aborts what the other shard will commit.
func TestRev_ADecisionThatHoldsIsNotANo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		there, here := newNode(t, 0, Options{}), newNode(t, 0, Options{})
		vote, err := there.committer.Prepare(t.Context())
		require.NoError(t, err)
		locked := errors.New("the row is busy, try again")
		decided := false
		_, err = here.committer.Commit(t.Context(), func(ctx context.Context, ts hlc.Timestamp) error {
			decided = true // the coordinator's log has it
			return vote.Commit(ctx, ts, func(context.Context, hlc.Timestamp) error { return NotApplied(locked) })
		}, vote.TS())
		require.True(t, decided)
		require.Equal(t, Decided, vote.State(), "the decision holds there")
		require.ErrorAs(t, err, new(*OutcomeUnknownError), "so the coordinator cannot say that nothing was written")
	})
}

// WaitSafe at a timestamp between two ticks of the store waits for less than the store reads: a commit in flight at the tick above
// is not waited for, and appears later in a read at the same timestamp.
func TestRev_WaitSafeWaitsForWhatTheStoreReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{Layout: hlc.TiKV()})
		time.Sleep(300 * time.Microsecond)
		p, err := n.committer.Assign(t.Context())
		require.NoError(t, err)
		ts := hlc.Timestamp{WallTime: p.TS().WallTime - 1}
		require.Equal(t, pack(t, hlc.TiKV(), p.TS()), pack(t, hlc.TiKV(), ts), "the store reads both at one version")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.Error(t, n.committer.WaitSafe(ctx, ts), "the commit at the version that is read is still in flight")
	})
}

// After a restart with a Floor that does not fit the layout, SafeTime is that floor, and the next commit is of the same packed version.
func TestRev_SafeTimeAfterARestartFitsTheLayout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		layout := hlc.TiKV()
		floor := hlc.Timestamp{WallTime: time.Now().Add(100*time.Millisecond + 300).UnixNano()} // hlc.Recovery.Bound: nanoseconds
		n := newNode(t, 0, Options{Layout: layout, Floor: floor})
		safe := n.committer.SafeTime()
		ts, err := n.committer.Commit(t.Context(), nothing)
		require.NoError(t, err)
		require.Less(t, pack(t, layout, safe), pack(t, layout, ts), "%v was safe to read, and then %v was committed there", safe, ts)
	})
}

// Close returns though Run's durable still writes, and Run writes after Close has returned.
func TestRev_CloseWaitsForRun(t *testing.T) {
	t.Run("begun before", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := newNode(t, 0, Options{})
			p, err := n.committer.Assign(t.Context())
			require.NoError(t, err)
			closed, done := false, make(chan struct{})
			go func() {
				defer close(done)
				_ = p.Run(t.Context(), func(context.Context, hlc.Timestamp) error {
					time.Sleep(time.Second)
					if closed {
						t.Error("the store is still written to: Close returned while somebody applies")
					}
					return nil
				})
			}()
			synctest.Wait()
			require.NoError(t, n.committer.Close())
			closed = true
			<-done
		})
	})
	t.Run("begun afterwards", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := newNode(t, 0, Options{})
			p, err := n.committer.Assign(t.Context())
			require.NoError(t, err)
			require.NoError(t, n.committer.Close())
			_ = p.Run(t.Context(), func(context.Context, hlc.Timestamp) error {
				t.Error("written after Close has returned")
				return nil
			})
		})
	})
}

// A coordinator whose store has finer ticks than a participant's chooses a timestamp that the participant can never take: half
// of the transaction is visible, the other half stays in doubt for ever.
func TestRev_ShardsOfDifferentLayouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		there, here := newNode(t, 0, Options{Layout: hlc.TiKV()}), newNode(t, 0, Options{Layout: hlc.Kudu()})
		time.Sleep(300 * time.Microsecond)
		vote, err := there.committer.Prepare(t.Context())
		require.NoError(t, err)
		ts, err := here.committer.Commit(t.Context(), nothing, vote.TS())
		require.NoError(t, err, "the coordinator has committed and acknowledged")
		time.Sleep(10 * time.Second)
		require.NoError(t, vote.Commit(t.Context(), ts, nothing), "the participant cannot, ever")
	})
}

// With a small MaxUncertainty and a layout of coarse ticks the default MaxFloorLead is below a tick, so that the votes and the
// snapshots of one shard are refused by the next.
func TestRev_TheDefaultFloorLeadHasRoomForATick(t *testing.T) {
	const ε = 50 * time.Microsecond
	options := Options{MaxUncertainty: 2 * ε, Layout: hlc.TiKV()}
	two := func(t *testing.T) (there, here *node) {
		there, here = newNode(t, 0, options), newNode(t, 0, options)
		there.publish(t, 0, ε)
		here.publish(t, 0, ε)
		time.Sleep(300 * time.Microsecond)
		return there, here
	}
	t.Run("a vote", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			there, here := two(t)
			vote, err := there.committer.Prepare(t.Context())
			require.NoError(t, err)
			_, err = here.committer.Commit(t.Context(), nothing, vote.TS())
			require.NoError(t, err)
		})
	})
	t.Run("a snapshot of two shards", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			there, here := two(t)
			ts, err := there.committer.Snapshot(t.Context(), Strong())
			require.NoError(t, err)
			_, err = here.committer.Snapshot(t.Context(), At(ts))
			require.NoError(t, err)
		})
	})
}

// After a crash the Floor, or a bound that came back lower, may lie further ahead than MaxFloorLead. MaxStaleness, which never needs
// anything ahead, is then refused, while Strong is served.
func TestRev_MaxStalenessAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{MaxUncertainty: 10 * time.Millisecond, Floor: hlc.Timestamp{WallTime: time.Now().Add(400 * time.Millisecond).UnixNano()}})
		_, err := n.committer.Snapshot(t.Context(), Strong())
		require.NoError(t, err)
		_, err = n.committer.Snapshot(t.Context(), MaxStaleness(time.Second))
		require.NoError(t, err, "L − 1 s, at which Strong would be served, is fresh enough")
	})
}

// ExactStaleness is rounded up to the store's tick, and so is not as old as it must be: it may even lie in the future.
func TestRev_ExactStalenessIsOldEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{Layout: hlc.TiKV()})
		n.publish(t, 0, 10*time.Microsecond)
		time.Sleep(300 * time.Microsecond)
		ts, err := n.committer.Snapshot(t.Context(), ExactStaleness(100*time.Microsecond))
		require.NoError(t, err)
		require.LessOrEqual(t, ts.WallTime, time.Now().Add(-100*time.Microsecond).UnixNano(), "certainly 100 µs ago or longer")
	})
}

// Resolve says of a commit that is visible that it is aborted, "certainly not in the store, and never will be".
func TestRev_ResolveOfWhatIsVisible(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{})
		_, err := n.committer.Commit(t.Context(), func(context.Context, hlc.Timestamp) error { return errors.New("time-out") })
		var unknown *OutcomeUnknownError
		require.ErrorAs(t, err, &unknown)
		require.NoError(t, n.committer.Resolve(t.Context(), unknown.TS, true))
		var state *StateError
		require.ErrorAs(t, n.committer.Resolve(t.Context(), unknown.TS, true), &state, "two operators, or a retry")
		require.NotEqual(t, Aborted, state.State, "it is committed and visible")
	})
}

// A panic in Cover leaves a flight that nobody can end: the safe time stands still for the life of the process.
func TestRev_APanicInCover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bug := true
		n := newNode(t, 0, Options{Cover: func(context.Context, hlc.Timestamp) error {
			if bug {
				panic("a bug, which net/http recovers from")
			}
			return nil
		}})
		func() {
			defer func() { _ = recover() }()
			_, _ = n.committer.Commit(t.Context(), nothing)
		}()
		bug = false
		burnt := n.committer.Stats().Last
		_ = n.committer.Resolve(t.Context(), burnt, false)
		require.Zero(t, n.committer.Stats().InFlight, "nothing was written, and nobody has the Pending")
	})
}

// OnCommit is "told of every commit that has become visible": not of those that were prepared.
func TestRev_OnCommitOfAPreparedOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := 0
		n := newNode(t, 0, Options{OnCommit: func(CommitStats) { told++ }})
		vote, err := n.committer.Prepare(t.Context())
		require.NoError(t, err)
		require.NoError(t, vote.Commit(t.Context(), vote.TS(), nothing))
		require.Equal(t, Visible, vote.State())
		require.Equal(t, 1, told)
	})
}

// After Close, Prepared.Commit of what was decided returns the bare ErrClosed, "after which nothing was decided".
func TestRev_ClosedAfterTheDecision(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{})
		vote, err := n.committer.Prepare(t.Context())
		require.NoError(t, err)
		full := errors.New("disk full")
		require.ErrorIs(t, vote.Commit(t.Context(), vote.TS(), func(context.Context, hlc.Timestamp) error { return full }), full)
		require.Equal(t, Decided, vote.State())
		require.NoError(t, n.committer.Close())
		require.ErrorAs(t, vote.Commit(t.Context(), vote.TS(), nothing), new(*NotYetVisibleError), "it is decided")
	})
}

// A Floor far ahead (a clock that was fast before the restart) is the one floor that MaxFloorLead does not refuse: a commit
// hangs until it has passed.
func TestRev_AFloorTooFarAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{MaxFloorLead: time.Second, Floor: hlc.Timestamp{WallTime: time.Now().Add(20 * time.Second).UnixNano()}})
		began := time.Now()
		_, err := n.committer.Commit(t.Context(), nothing)
		require.Less(t, time.Since(began), 2*time.Second, "err: %v", err)
	})
}

// A layout whose epoch is not 1970: a read of a time before it fails, with an error that is not said, instead of finding nothing.
func TestRev_BeforeTheLayoutsEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		layout, err := hlc.NewLayout(hlc.LayoutOptions{Name: "ours", Epoch: time.Now().UnixNano() - int64(time.Hour), Ticks: 1, Nanos: 1000, LogicalBits: 10})
		require.NoError(t, err)
		n := newNode(t, 0, Options{Layout: layout})
		for _, stale := range []time.Duration{2 * time.Hour, math.MaxInt64} {
			_, err = n.committer.Snapshot(t.Context(), ExactStaleness(stale))
			require.NoError(t, err)
		}
	})
}

// More than 64 wait, and then a commit whose deadline leaves 10 µs beyond its wait is aborted though its timestamp had passed in time:
// its alarm was late, and nobody looked again.
func TestRev_DeadlineAndALateAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{})
		for range 70 { // others, at moments of their own
			time.Sleep(time.Microsecond)
			p, err := n.committer.Assign(t.Context())
			require.NoError(t, err)
			go func() { _ = p.Run(t.Context(), nothing) }()
			synctest.Wait()
		}
		time.Sleep(3*time.Microsecond + 7)
		ctx, cancel := context.WithTimeout(t.Context(), 2*ε+10*time.Microsecond)
		defer cancel()
		p, err := n.committer.Assign(ctx)
		require.NoError(t, err)
		err = p.Run(ctx, nothing)
		passed, _ := n.clock.After(p.TS().Time())
		require.True(t, passed)
		require.NoError(t, err, "it has passed")
	})
}

// A vote equal to what another transaction was decided for (which Prepared's HAZARD allows) cannot be taken over after a restart while
// that one's Recover waits.
func TestRev_PrepareAgainBesideRecover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{})
		first, err := n.committer.Prepare(t.Context())
		require.NoError(t, err)
		second, err := n.committer.Prepare(t.Context())
		require.NoError(t, err)
		require.NoError(t, first.Commit(t.Context(), second.TS(), nothing), "another shard has chosen the very timestamp")

		n = newNode(t, -10*ε, Options{}) // after a restart, and before the time is known well
		ctx, cancel := context.WithTimeout(t.Context(), time.Microsecond)
		defer cancel()
		require.ErrorAs(t, n.committer.Recover(ctx, second.TS()), new(*NotYetVisibleError))
		_, err = n.committer.PrepareAgain(second.TS())
		require.NoError(t, err)
	})
}

// Events whose range ends (a layout's) after the timestamp was durable: it passes, and never becomes visible, and Detach
// gives up without a word.
func TestRev_TheEndOfTheEventsRange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{})
		var err error
		layout, err := hlc.NewLayout(hlc.LayoutOptions{Name: "short", Epoch: time.Now().UnixNano() - int64(math.MaxUint32)*1000 + int64(500*time.Millisecond), Ticks: 1, Nanos: 1000, LogicalBits: 32})
		require.NoError(t, err)
		events, err := hlc.New(hlc.Options{Layout: layout})
		require.NoError(t, err)
		n.committer, err = New(n.clock, events, Options{})
		require.NoError(t, err)
		p, err := n.committer.Assign(t.Context())
		if err != nil {
			return // refused before anything depends on it
		}
		err = p.Run(t.Context(), nothing)
		require.NoError(t, err, "it is durable and has passed")
		require.Equal(t, Visible, p.State())
	})
}
