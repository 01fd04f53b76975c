package commitwait

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
)

// TestNotApplied_OfAnotherCommitter says nothing about this one, whose store may have been written.
func TestNotApplied_OfAnotherCommitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		outer, inner := newNode(t, 0, Options{}), newNode(t, 0, Options{})
		written := false
		_, err := outer.committer.Commit(t.Context(), func(ctx context.Context, ts hlc.Timestamp) error {
			written = true // in the outer store
			_, err := inner.committer.Commit(ctx, func(context.Context, hlc.Timestamp) error { return NotApplied(errors.New("conflict")) })
			return err // not marked by us
		})
		require.True(t, written)
		require.ErrorAs(t, err, new(*OutcomeUnknownError))
	})
}

// TestNotApplied_OfOneShardOnly: of errors that were joined each must be certain.
func TestNotApplied_OfOneShardOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{})
		_, err := n.committer.Commit(t.Context(), func(ctx context.Context, ts hlc.Timestamp) error {
			return errors.Join(NotApplied(errors.New("shard 1: conflict")), errors.New("shard 2: time-out"))
		})
		require.ErrorAs(t, err, new(*OutcomeUnknownError))
	})
}

// TestNotApplied_OfAnotherShard, which will carry the decision out all the same: the coordinator must not take it for a no.
func TestNotApplied_OfAnotherShard(t *testing.T) {
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
