package commitwait

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/trueclock/trueclock/hlc"
)

// TestPrepared_ShardsOfDifferentLayouts: a coordinator with coarser ticks will do, and one with finer ones is refused, too late (see the HAZARD of Prepared).
func TestPrepared_ShardsOfDifferentLayouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, coarse := range []bool{true, false} {
			layouts := []hlc.Layout{hlc.Kudu(), hlc.TiKV()}
			if coarse {
				slices.Reverse(layouts)
			}
			here, there := newNode(t, 0, Options{Layout: layouts[0]}), newNode(t, 0, Options{Layout: layouts[1]})
			time.Sleep(300 * time.Microsecond)
			vote, err := there.committer.Prepare(t.Context())
			require.NoError(t, err)
			ts, err := here.committer.Commit(t.Context(), nothing, vote.TS())
			require.NoError(t, err)
			if err := vote.Commit(t.Context(), ts, nothing); coarse {
				require.NoError(t, err)
			} else {
				require.ErrorAs(t, err, new(*DecisionError))
			}
		}
	})
}

// TestPrepared_OnCommit is told of it as of any other.
func TestPrepared_OnCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := 0
		var report CommitStats
		n := newNode(t, 0, Options{OnCommit: func(s CommitStats) { told++; report = s }})
		vote, err := n.committer.Prepare(t.Context())
		require.NoError(t, err)
		require.NoError(t, vote.Commit(t.Context(), vote.TS(), nothing))
		require.Equal(t, Visible, vote.State())
		require.Equal(t, 1, told)
		require.Equal(t, vote.TS(), report.TS)
	})
}

// TestPrepared_ClosedAfterTheDecision: it is committed, and not here.
func TestPrepared_ClosedAfterTheDecision(t *testing.T) {
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

// TestPrepareAgain_BesideRecover: a vote may equal what another transaction was decided for, and both are found after a restart.
func TestPrepareAgain_BesideRecover(t *testing.T) {
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
