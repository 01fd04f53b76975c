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

// TestSafeTime_IsCovered: what no restart begins above is not safe, since a commit could land below it.
func TestSafeTime_IsCovered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("disk full")
		n := newNode(t, ε, Options{Cover: func(_ context.Context, ts hlc.Timestamp) error { return full }})
		at := hlc.Timestamp{WallTime: time.Now().Add(500 * time.Millisecond).UnixNano()}
		_, err := n.committer.Snapshot(t.Context(), At(at))
		require.ErrorIs(t, err, full)
		safe := n.committer.SafeTime() // "gives the same answer for ever"
		n2 := newNode(t, -ε, Options{})
		ts, err := n2.committer.Commit(t.Context(), nothing)
		require.NoError(t, err)
		require.True(t, ts.After(safe), "%v is committed at or below %v, which was said to be safe", ts, safe)
	})
}

// TestSafeTime_FitsTheLayout: below what is in flight, as the store packs it too.
func TestSafeTime_FitsTheLayout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{Layout: hlc.Kudu()})
		p, err := n.committer.Assign(t.Context())
		require.NoError(t, err)
		defer p.Abort()
		safe, err := hlc.Kudu().Pack(n.committer.SafeTime())
		require.NoError(t, err)
		flight, err := hlc.Kudu().Pack(p.TS())
		require.NoError(t, err)
		require.Less(t, safe, flight, "a read at the safe time shows what is in flight")
	})
}

// TestSnapshot_MaxStalenessDoesNotWait for what is in flight, with a layout or without.
func TestSnapshot_MaxStalenessDoesNotWait(t *testing.T) {
	for _, layout := range []hlc.Layout{{}, hlc.Kudu()} {
		synctest.Test(t, func(t *testing.T) {
			n := newNode(t, 0, Options{Layout: layout})
			p, err := n.committer.Assign(t.Context())
			require.NoError(t, err)
			defer p.Abort()
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			_, err = n.committer.Snapshot(ctx, MaxStaleness(time.Minute))
			if err != nil {
				t.Errorf("layout %v: safe time is %v, in flight is %v: %v", layout, n.committer.SafeTime(), p.TS(), err)
			}
		})
	}
}

// TestSnapshot_Before1970 is one of 1970, and needs no cover.
func TestSnapshot_Before1970(t *testing.T) {
	events, err := hlc.New(hlc.Options{})
	require.NoError(t, err)
	d, err := hlc.OpenDurable(t.Context(), events, hlc.DurableOptions{Dir: t.TempDir()})
	require.NoError(t, err)
	defer d.Close()
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{Cover: d.Cover})
		ts, err := n.committer.Snapshot(t.Context(), ExactStaleness(math.MaxInt64))
		require.NoError(t, err)
		require.Zero(t, ts)
	})
}
