package commitwait

import (
	"context"
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

// TestWaitSafe_WaitsForWhatTheStoreReads, and that is a tick above a timestamp between two.
func TestWaitSafe_WaitsForWhatTheStoreReads(t *testing.T) {
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

// TestSafeTime_AfterARestart: the floor, which is one of nanoseconds, is rounded up as well.
func TestSafeTime_AfterARestart(t *testing.T) {
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

// TestOptions_TheDefaultLeadHasRoomForATick, or else one shard refuses the votes and the snapshots of the next.
func TestOptions_TheDefaultLeadHasRoomForATick(t *testing.T) {
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

// TestSnapshot_ExactStalenessIsOldEnough: it is rounded down, unless that would be below a token.
func TestSnapshot_ExactStalenessIsOldEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{Layout: hlc.TiKV()})
		n.publish(t, 0, 10*time.Microsecond)
		time.Sleep(300 * time.Microsecond)
		ts, err := n.committer.Snapshot(t.Context(), ExactStaleness(100*time.Microsecond))
		require.NoError(t, err)
		require.LessOrEqual(t, ts.WallTime, time.Now().Add(-100*time.Microsecond).UnixNano(), "certainly 100 µs ago or longer")
	})
}

// TestSnapshot_BeforeTheLayoutsEpoch is one at its first timestamp: there is nothing to see.
func TestSnapshot_BeforeTheLayoutsEpoch(t *testing.T) {
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
