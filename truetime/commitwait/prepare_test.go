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

// TestPrepare_ATransferOverTwoShards: one timestamp, and a snapshot of both shards has either both halves or none.
func TestPrepare_ATransferOverTwoShards(t *testing.T) {
	for _, lie := range []time.Duration{-ε, ε} {
		synctest.Test(t, func(t *testing.T) {
			there, here := newNode(t, lie, Options{}), newNode(t, -lie, Options{})
			from, to := false, false // the two halves, in the two stores
			before, err := there.committer.Snapshot(t.Context(), Strong())
			require.NoError(t, err)

			vote, err := there.committer.Prepare(t.Context())
			require.NoError(t, err)
			require.Equal(t, Assigned, vote.State())
			require.True(t, vote.TS().After(before), "nobody who has read there can have missed it")
			require.True(t, there.committer.SafeTime().Before(vote.TS()))
			ts, err := here.committer.Commit(t.Context(), func(context.Context, hlc.Timestamp) error { to = true; return nil }, vote.TS())
			require.NoError(t, err)
			require.True(t, ts.After(vote.TS()))

			lower, err := there.committer.Snapshot(t.Context(), At(before))
			require.NoError(t, err)
			require.Equal(t, before, lower, "below the vote nobody waits")
			read := make(chan bool)
			go func() {
				_, err := there.committer.Snapshot(t.Context(), At(ts))
				read <- err == nil && from
			}()
			synctest.Wait()
			require.NoError(t, vote.Commit(t.Context(), ts, func(_ context.Context, at hlc.Timestamp) error {
				synctest.Wait()
				select {
				case <-read:
					t.Error("read before the other half was there")
				default:
				}
				require.Equal(t, ts, at)
				require.Equal(t, ts, there.events.Peek(), "what apply and its readers stamp comes after it")
				from = true
				return nil
			}))
			require.True(t, <-read && to)
			require.Equal(t, Visible, vote.State())
			require.False(t, there.committer.SafeTime().Before(ts))
			next, err := there.committer.Commit(t.Context(), nothing)
			require.NoError(t, err)
			require.True(t, next.After(ts))
		})
	}
}

// TestPrepare_AVoteCostsNoWait though the clock of the shard is fast and the coordinator's slow: it promises no more than it must.
func TestPrepare_AVoteCostsNoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		there, here := newNode(t, ε, Options{}), newNode(t, -ε, Options{})
		vote, err := there.committer.Prepare(t.Context())
		require.NoError(t, err)
		began := time.Now()
		_, err = here.committer.Commit(t.Context(), nothing, vote.TS())
		require.NoError(t, err)
		require.Equal(t, 2*ε+1, time.Since(began))
	})
}

// TestPrepare_TheVoteIsAbove whatever this shard has promised.
func TestPrepare_TheVoteIsAbove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{Layout: hlc.Kudu()})
		assigned, err := n.committer.Assign(t.Context())
		require.NoError(t, err)
		read, err := n.committer.Snapshot(t.Context(), ExactStaleness(0))
		require.NoError(t, err)
		event := hlc.Timestamp{WallTime: time.Now().Add(500 * time.Millisecond).UnixNano()}
		floor := hlc.Timestamp{WallTime: time.Now().Add(600 * time.Millisecond).UnixNano()}
		vote, err := n.committer.Prepare(t.Context())
		require.NoError(t, err)
		require.True(t, vote.TS().After(assigned.TS()) && vote.TS().After(read))
		_, err = n.events.Update(event)
		require.NoError(t, err)
		vote, err = n.committer.Prepare(t.Context())
		require.NoError(t, err)
		require.True(t, vote.TS().After(event))
		vote, err = n.committer.Prepare(t.Context(), floor)
		require.NoError(t, err)
		require.True(t, vote.TS().After(floor))
		require.True(t, hlc.Kudu().Fits(vote.TS()))
		require.NoError(t, vote.Abort())
		require.Equal(t, 3, n.committer.Stats().InFlight)

		_, err = n.committer.Prepare(t.Context(), hlc.Timestamp{WallTime: math.MaxInt64})
		require.ErrorAs(t, err, new(*FloorTooFarError))
		require.Equal(t, 3, n.committer.Stats().InFlight)
	})
}

// TestPrepared_Decisions: what the coordinator may say, and what not.
func TestPrepared_Decisions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{Layout: hlc.Kudu()})
		prepare := func() *Prepared {
			vote, err := n.committer.Prepare(t.Context())
			require.NoError(t, err)
			return vote
		}
		later := func(vote *Prepared, d time.Duration) hlc.Timestamp {
			return hlc.Timestamp{WallTime: vote.TS().WallTime + int64(d)}
		}
		applied := 0
		apply := func(context.Context, hlc.Timestamp) error { applied++; return nil }

		vote := prepare()
		require.Error(t, vote.Commit(t.Context(), vote.TS(), nil))
		require.ErrorAs(t, vote.Commit(t.Context(), later(vote, -time.Microsecond), apply), new(*DecisionError), "below the vote")
		require.ErrorAs(t, vote.Commit(t.Context(), later(vote, 1), apply), new(*DecisionError), "a nanosecond does not fit the store")
		require.ErrorAs(t, vote.Commit(t.Context(), later(vote, time.Hour), apply), new(*FloorTooFarError), "it would stop the shard for an hour")
		require.Equal(t, Assigned, vote.State(), "nothing was decided")
		require.Zero(t, applied)
		require.NoError(t, vote.Commit(t.Context(), later(vote, time.Millisecond), apply))
		require.NoError(t, vote.Commit(t.Context(), later(vote, time.Millisecond), apply), "said twice")
		require.Equal(t, 1, applied)
		require.ErrorAs(t, vote.Commit(t.Context(), later(vote, 2*time.Millisecond), apply), new(*DecisionError), "something else the second time")
		require.ErrorAs(t, vote.Abort(), new(*StateError))

		vote = prepare()
		require.NoError(t, vote.Abort())
		require.NoError(t, vote.Abort())
		require.ErrorAs(t, vote.Commit(t.Context(), vote.TS(), apply), new(*StateError))
		require.Equal(t, 1, applied)
		require.Zero(t, n.committer.Stats().InFlight)
	})
}

// TestPrepared_TheDecisionHolds whatever fails while it is carried out: the flight stays until it has been.
func TestPrepared_TheDecisionHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{})
		vote, err := n.committer.Prepare(t.Context())
		require.NoError(t, err)
		ts := hlc.Timestamp{WallTime: time.Now().Add(10 * time.Millisecond).UnixNano()}
		full := errors.New("disk full")

		var notYet *NotYetVisibleError
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Millisecond, func() { cancel(full) })
		require.ErrorAs(t, vote.Commit(ctx, ts, func(context.Context, hlc.Timestamp) error { t.Error("applied before it has passed"); return nil }), &notYet)
		require.ErrorIs(t, notYet, full)
		require.Equal(t, 9*time.Millisecond+ε+1, notYet.Remaining)
		require.ErrorAs(t, vote.Abort(), new(*StateError), "it is committed")
		require.ErrorIs(t, vote.Commit(t.Context(), ts, func(context.Context, hlc.Timestamp) error { return full }), full)
		require.Panics(t, func() {
			_ = vote.Commit(t.Context(), ts, func(context.Context, hlc.Timestamp) error { panic("a bug") })
		})
		require.Equal(t, Decided, vote.State())
		require.True(t, n.committer.SafeTime().Before(vote.TS()), "though it has passed long ago")

		slow, done := make(chan struct{}), make(chan error)
		applied := 0
		for range 3 {
			go func() {
				done <- vote.Commit(t.Context(), ts, func(context.Context, hlc.Timestamp) error { applied++; <-slow; return nil })
			}()
		}
		synctest.Wait()
		require.Equal(t, 1, applied)
		close(slow)
		for range 3 {
			require.NoError(t, <-done)
		}
		require.Equal(t, 1, applied, "one applies, and the others see that it is done")
	})
}

// TestPrepared_Close ends what waits; the decision holds, and is found again by the next run.
func TestPrepared_Close(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{})
		vote, err := n.committer.Prepare(t.Context())
		require.NoError(t, err)
		ts := hlc.Timestamp{WallTime: time.Now().Add(100 * time.Millisecond).UnixNano()}
		done := make(chan error)
		go func() { done <- vote.Commit(t.Context(), ts, nothing) }()
		synctest.Wait()
		require.NoError(t, n.committer.Close())
		require.ErrorIs(t, <-done, ErrClosed)
		require.ErrorIs(t, vote.Commit(t.Context(), ts, nothing), ErrClosed)
		_, err = n.committer.Prepare(t.Context())
		require.ErrorIs(t, err, ErrClosed)

		n = newNode(t, 0, Options{})
		again, err := n.committer.PrepareAgain(vote.TS())
		require.NoError(t, err)
		require.True(t, n.committer.SafeTime().Before(vote.TS()))
		_, err = n.committer.PrepareAgain(vote.TS())
		require.ErrorAs(t, err, new(*StateError), "it is there already")
		require.NoError(t, again.Commit(t.Context(), ts, nothing))
		require.Equal(t, ts, n.committer.SafeTime())
		_, err = n.committer.PrepareAgain(hlc.Timestamp{WallTime: math.MaxInt64})
		require.ErrorAs(t, err, new(*FloorTooFarError))
	})
}

// TestPrepare_CoverComesFirst: a vote or a decision that a restart could begin below is not given, nor carried out.
func TestPrepare_CoverComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("disk full")
		failing := full
		var covered hlc.Timestamp
		n := newNode(t, 0, Options{Cover: func(_ context.Context, ts hlc.Timestamp) error { covered = ts; return failing }})
		_, err := n.committer.Prepare(t.Context())
		require.ErrorIs(t, err, full)
		require.Zero(t, n.committer.Stats().InFlight)
		failing = nil
		vote, err := n.committer.Prepare(t.Context())
		require.NoError(t, err)
		require.Equal(t, vote.TS(), covered)
		ts := hlc.Timestamp{WallTime: time.Now().UnixNano()}
		failing = full
		require.ErrorIs(t, vote.Commit(t.Context(), ts, func(context.Context, hlc.Timestamp) error { t.Error("applied"); return nil }), full)
		failing = nil
		require.NoError(t, vote.Commit(t.Context(), ts, func(context.Context, hlc.Timestamp) error {
			require.Equal(t, ts, covered)
			return nil
		}))
	})
}
