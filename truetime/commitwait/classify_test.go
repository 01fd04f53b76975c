package commitwait

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"github.com/trueclock/trueclock/hlc"
)

// TestUncertainRead_WaitsForVotes: another shard has acknowledged the transaction, and nothing of it is in this store yet.
func TestUncertainRead_WaitsForVotes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		there, here := newNode(t, 0, Options{}), newNode(t, 0, Options{})
		vote, err := there.committer.Prepare(t.Context())
		require.NoError(t, err)
		ts, err := here.committer.Commit(t.Context(), nothing, vote.TS())
		require.NoError(t, err, "acknowledged")
		written := false
		read := make(chan UncertainRead)
		go func() {
			r, err := there.committer.UncertainRead(t.Context())
			if err != nil || !written {
				t.Error("began before what was acknowledged is there", err)
			}
			read <- r
		}()
		synctest.Wait()
		require.NoError(t, vote.Commit(t.Context(), ts, func(context.Context, hlc.Timestamp) error { written = true; return nil }))
		r := <-read
		require.NotEqual(t, Future, r.Classify(ts))
	})
}
