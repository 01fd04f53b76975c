package commitwait

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
)

// TestRecover_TriedAgain after its context had ended: the commit is still the same one.
func TestRecover_TriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{})
		ts := hlc.Timestamp{WallTime: time.Now().Add(10 * time.Millisecond).UnixNano()}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		require.ErrorAs(t, n.committer.Recover(ctx, ts), new(*NotYetVisibleError))
		require.NoError(t, n.committer.Recover(t.Context(), ts), "tried again")
		require.Zero(t, n.committer.Stats().InFlight)
		require.False(t, n.committer.SafeTime().Before(ts))
	})
}

// TestRecover_NoSuchCommit: the zero timestamp is refused, and holds nothing up.
func TestRecover_NoSuchCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{})
		require.Error(t, n.committer.Recover(t.Context(), hlc.Timestamp{}))
		require.Zero(t, n.committer.Stats().InFlight)
		_, err := n.committer.Commit(t.Context(), nothing)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err = n.committer.Snapshot(ctx, Strong())
		require.NoError(t, err)
	})
}

// TestResolve_TriedAgain after its context had ended: it is still committed.
func TestResolve_TriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{})
		p, err := n.committer.Assign(t.Context())
		require.NoError(t, err)
		ts := p.TS()
		require.Error(t, p.Run(t.Context(), func(context.Context, hlc.Timestamp) error { return errors.New("timeout") }))
		ctx, cancel := context.WithTimeout(t.Context(), time.Microsecond)
		defer cancel()
		require.ErrorAs(t, n.committer.Resolve(ctx, ts, true), new(*NotYetVisibleError))
		require.NoError(t, n.committer.Resolve(t.Context(), ts, true))
	})
}

// TestResolve_OfWhatIsVisible says that nothing is in flight there, and not that it was aborted.
func TestResolve_OfWhatIsVisible(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{})
		_, err := n.committer.Commit(t.Context(), func(context.Context, hlc.Timestamp) error { return errors.New("time-out") })
		var unknown *OutcomeUnknownError
		require.ErrorAs(t, err, &unknown)
		require.NoError(t, n.committer.Resolve(t.Context(), unknown.TS, true))
		require.ErrorAs(t, n.committer.Resolve(t.Context(), unknown.TS, true), new(*NotInFlightError), "two operators, or a retry")
	})
}
