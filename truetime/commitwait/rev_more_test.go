package commitwait

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

// A commit that was admitted at just under the clock's own MaxUncertainty waits for ever when holdover takes the clock over it: that limit
// hides an earliest which has passed the timestamp (and which is sound), and every strong read of the shard waits as well.
func TestRev_TheWaitGoesOnInHoldover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		local := truetimetest.NewVirtual(0)
		wide := truetime.New(local, truetime.Options{})
		clock := truetime.New(local, truetime.Options{MaxUncertainty: ε + 10*time.Nanosecond})
		r, err := local.Read()
		require.NoError(t, err)
		b := truetimetest.Around(r, time.Now().UnixNano(), ε, 100_000) // grows by 100 ppm
		require.NoError(t, clock.Update(b, nil))
		require.NoError(t, wide.Update(b, nil))
		c, err := New(clock, nil, Options{})
		require.NoError(t, err)
		p, err := c.Assign(t.Context())
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		err = p.Run(ctx, nothing)
		passed, errWide := wide.After(p.TS().Time())
		require.NoError(t, errWide)
		require.True(t, passed, "the bound says so")
		require.NoError(t, err)
	})
}

// An UncertainRead of a shard that has voted begins above what was acknowledged, and the shard's store has not got it yet: every
// version there is Seen or there is none, and the reader misses a transaction that was acknowledged before it began.
func TestRev_AnUncertainReadMissesWhatWasPrepared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		there, here := newNode(t, 0, Options{}), newNode(t, 0, Options{})
		vote, err := there.committer.Prepare(t.Context())
		require.NoError(t, err)
		ts, err := here.committer.Commit(t.Context(), nothing, vote.TS())
		require.NoError(t, err, "acknowledged")
		r, err := there.committer.UncertainRead()
		if err != nil {
			return
		}
		require.NotEqual(t, Seen, r.Classify(ts), "it would be taken, if it were there; nothing tells the reader that it is to come")
	})
}
