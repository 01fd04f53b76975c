package commitwait

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
)

// TestSnapshot_Modes: an idle shard whose last commit was a second ago.
func TestSnapshot_Modes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{MaxFloorLead: time.Second})
		commit, err := n.committer.Commit(t.Context(), nothing)
		require.NoError(t, err)
		time.Sleep(time.Second)
		now := time.Now().UnixNano()
		at := func(d time.Duration) hlc.Timestamp { return hlc.Timestamp{WallTime: now + int64(d)} }
		cases := []struct {
			why  string
			mode Mode
			want hlc.Timestamp
		}{
			{"certainly at least ten milliseconds old", ExactStaleness(10 * time.Millisecond), at(-ε - 10*time.Millisecond)},
			{"not more than two seconds old: what is safe anyway, and not older", MaxStaleness(2 * time.Second), at(-ε - 10*time.Millisecond)},
			{"not more than five milliseconds old", MaxStaleness(5 * time.Millisecond), at(ε - 5*time.Millisecond)},
			{"the freshest", Strong(), at(ε)},
			{"the zero mode is strong", Mode{}, at(ε)},
			{"older than all there is", ExactStaleness(math.MaxInt64), hlc.Timestamp{}},
			{"the session's last commit", ExactStaleness(time.Minute).AtLeast(commit), commit},
			{"the higher of two", ExactStaleness(time.Minute).AtLeast(commit).AtLeast(hlc.Timestamp{WallTime: 5}), commit},
			{"a token is no brake", Strong().AtLeast(commit), at(ε)},
			{"the timestamp of another shard's snapshot", At(at(7 * time.Millisecond)), at(7 * time.Millisecond)},
			{"one as far ahead as is allowed", At(at(ε + time.Second)), at(ε + time.Second)},
		}
		for _, c := range cases {
			got, err := n.committer.Snapshot(t.Context(), c.mode)
			require.NoError(t, err, c.why)
			require.Equal(t, c.want, got, c.why)
			require.False(t, n.committer.SafeTime().Before(got), c.why)
		}
		require.Equal(t, now, time.Now().UnixNano(), "nobody waited")

		next, err := n.committer.Commit(t.Context(), nothing)
		require.NoError(t, err)
		require.True(t, next.After(at(ε+time.Second)), "a read raises the floor of the commits that follow")

		for _, mode := range []Mode{At(at(math.MaxInt64 - time.Duration(now))), Strong().AtLeast(at(time.Hour))} {
			_, err = n.committer.Snapshot(t.Context(), mode)
			require.ErrorAs(t, err, new(*FloorTooFarError), "a lever on everybody's latency is short")
		}
		for _, mode := range []Mode{ExactStaleness(-1), MaxStaleness(-1)} {
			_, err = n.committer.Snapshot(t.Context(), mode)
			require.Error(t, err)
		}
		require.NoError(t, n.clock.Update(truetime.Bound{}, &truetime.DisruptedError{Cause: "test"}))
		_, err = n.committer.Snapshot(t.Context(), ExactStaleness(time.Hour))
		require.ErrorAs(t, err, new(*truetime.DisruptedError))
	})
}

// TestSnapshot_SeesWhatWasAcknowledged: a strong snapshot on the slowest node after a commit on the fastest.
func TestSnapshot_SeesWhatWasAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fast, slow := newNode(t, +ε, Options{}), newNode(t, -ε, Options{})
		commit, err := fast.committer.Commit(t.Context(), nothing)
		require.NoError(t, err)
		read, err := slow.committer.Snapshot(t.Context(), Strong())
		require.NoError(t, err)
		require.False(t, read.Before(commit))
	})
}

// TestSafeTime_Stories: it is below the lowest commit in flight, whatever the order in which they end.
func TestSafeTime_Stories(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{})
		c := n.committer
		require.Zero(t, c.SafeTime())
		var p [3]*Pending
		for i := range p {
			var err error
			p[i], err = c.Assign(t.Context())
			require.NoError(t, err)
		}
		require.Equal(t, before(p[0].ts, hlc.Layout{}), c.SafeTime())
		require.NoError(t, p[1].Abort())
		require.Equal(t, before(p[0].ts, hlc.Layout{}), c.SafeTime())
		require.NoError(t, p[0].Run(t.Context(), replicate(0)))
		require.Equal(t, before(p[2].ts, hlc.Layout{}), c.SafeTime())
		require.Equal(t, Stats{InFlight: 1, Oldest: 2*ε + 1, Last: p[2].ts, Safe: before(p[2].ts, hlc.Layout{})}, c.Stats())

		later := hlc.Timestamp{WallTime: p[2].ts.WallTime + int64(ε)}
		safe, err := c.CloseTo(t.Context(), later)
		require.NoError(t, err)
		require.Equal(t, before(p[2].ts, hlc.Layout{}), safe)
		time.AfterFunc(ε, func() { require.NoError(t, p[2].Abort()) })
		began := time.Now()
		require.NoError(t, c.WaitSafe(t.Context(), later))
		require.Equal(t, ε, time.Since(began))
		require.Equal(t, later, c.SafeTime())
		require.Equal(t, Stats{Last: later, Safe: later}, c.Stats())

		last, err := c.Assign(t.Context())
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorAs(t, c.WaitSafe(ctx, last.ts), new(*truetime.WaitError))
	})
}

// TestRecover_WaitsAgain for what was durable when the machine stopped, and is then below what follows.
func TestRecover_WaitsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{})
		logged := hlc.Timestamp{WallTime: time.Now().UnixNano() + int64(ε)}
		lower := hlc.Timestamp{WallTime: logged.WallTime - 500}
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), ε)
		defer cancel()
		require.ErrorAs(t, n.committer.Recover(ctx, logged), new(*NotYetVisibleError))
		require.Equal(t, before(logged, hlc.Layout{}), n.committer.SafeTime(), "still in flight")
		require.ErrorAs(t, n.committer.Recover(ctx, lower), new(*NotYetVisibleError))
		require.Equal(t, before(lower, hlc.Layout{}), n.committer.SafeTime(), "in the order of the timestamps")
		require.NoError(t, n.committer.Recover(t.Context(), hlc.Timestamp{WallTime: logged.WallTime - 1}))
		require.Equal(t, 2*ε, time.Since(began))
		p, err := n.committer.Assign(t.Context())
		require.NoError(t, err)
		require.True(t, p.TS().After(logged))
		require.ErrorAs(t, n.committer.Recover(t.Context(), hlc.Timestamp{WallTime: logged.WallTime + int64(time.Hour)}), new(*FloorTooFarError))
		require.NoError(t, n.clock.Update(truetime.Bound{}, &truetime.DisruptedError{Cause: "test"}))
		require.ErrorAs(t, n.committer.Recover(t.Context(), hlc.Timestamp{WallTime: logged.WallTime + 1}), new(*truetime.DisruptedError))
	})
}

// TestUncertainRead_Stories: which version a reader may take, and from where it must begin anew.
func TestUncertainRead_Stories(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{})
		r, err := n.committer.UncertainRead(t.Context())
		require.NoError(t, err)
		now := time.Now().UnixNano()
		at := func(d time.Duration) hlc.Timestamp { return hlc.Timestamp{WallTime: now + int64(d)} }
		for version, want := range map[hlc.Timestamp]Visibility{
			at(-ε): Seen, at(-ε + 1): Uncertain, at(0): Uncertain, at(ε): Uncertain, at(ε + 1): Future,
			{WallTime: now + int64(ε), Logical: math.MaxUint32}: Uncertain,
		} {
			require.Equal(t, want, r.Classify(version), "%v is %v", version, want)
		}
		again := r.Restart(at(0))
		require.Equal(t, Seen, again.Classify(at(0)))
		require.Equal(t, Uncertain, again.Classify(at(1)))
		require.Equal(t, r.Limit, again.Limit, "fixed when the read began")
		require.Equal(t, again, again.Restart(at(-1)), "never back")
		require.NoError(t, n.clock.Update(truetime.Bound{}, &truetime.DisruptedError{Cause: "test"}))
		_, err = n.committer.UncertainRead(t.Context())
		require.Error(t, err)
	})
}

// TestSnapshot_AfterARestartFarAhead: nothing is closed that was not closed before, so nobody is held up.
func TestSnapshot_AfterARestartFarAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{MaxUncertainty: 10 * time.Millisecond, Floor: hlc.Timestamp{WallTime: time.Now().Add(400 * time.Millisecond).UnixNano()}})
		_, err := n.committer.Snapshot(t.Context(), Strong())
		require.NoError(t, err)
		_, err = n.committer.Snapshot(t.Context(), MaxStaleness(time.Second))
		require.NoError(t, err, "L − 1 s, at which Strong would be served, is fresh enough")
	})
}
