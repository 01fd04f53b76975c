package hlc

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/durable/durabletest"
)

// TestDurable_BatchesAndPeers: what Clock can do, Durable does below its bound.
func TestDurable_BatchesAndPeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk, wall := durabletest.New(), firstWall
		d, err := node(t, disk, &wall, DurableOptions{})
		require.NoError(t, err)
		wall += 3 * int64(window) // beyond the bound: it has to be renewed first
		b, err := d.NowN(t.Context(), 100)
		require.NoError(t, err)
		require.Equal(t, Timestamp{WallTime: wall}, b.First)
		require.False(t, b.Last().After(d.Stats().Bound))
		_, err = d.NowN(t.Context(), 0)
		require.ErrorAs(t, err, new(*BatchError))

		remote := Timestamp{WallTime: wall + int64(300*time.Millisecond), Logical: 5}
		ts, err := d.UpdateFrom(t.Context(), "node-b", remote)
		require.NoError(t, err)
		require.True(t, ts.After(remote))
		require.False(t, ts.After(d.Stats().Bound))
		require.Equal(t, []PeerStats{{Peer: "node-b", Lead: 300 * time.Millisecond, MaxLead: 300 * time.Millisecond, Heard: 1}}, d.clock.Stats().Peers)

		foreign := Timestamp{WallTime: wall + 5*int64(window), Logical: 3}
		require.NoError(t, d.Cover(t.Context(), foreign))
		require.False(t, foreign.After(d.Stats().Bound))
		require.True(t, d.Peek().Before(foreign), "the clock itself does not go there")

		require.NoError(t, d.Close())
		require.ErrorIs(t, d.Cover(t.Context(), foreign), ErrClosed)
		_, err = d.NowN(t.Context(), 1)
		require.ErrorIs(t, err, ErrClosed)
		_, err = d.UpdateFrom(t.Context(), "node-b", remote)
		require.ErrorIs(t, err, ErrClosed)
	})
}

// TestDurable_AtTheEndOfTheRange says so.
func TestDurable_AtTheEndOfTheRange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		small, err := NewLayout(LayoutOptions{Name: "small", Ticks: 1, Nanos: 1 << 60, LogicalBits: 2})
		require.NoError(t, err)
		clock, err := New(Options{Physical: func() int64 { return 1<<63 - 1 }, Layout: small})
		require.NoError(t, err)
		d, err := openDurable(t.Context(), clock, durabletest.New(), DurableOptions{})
		require.NoError(t, err)
		last := d.Peek()
		for {
			ts, err := d.Now(t.Context())
			if err != nil {
				require.ErrorIs(t, err, ErrExhausted)
				break
			}
			require.True(t, ts.After(last))
			last = ts
		}
		require.Equal(t, small.Max(), last)
		require.Equal(t, last, d.Peek())
		require.NoError(t, d.Close())
	})
}
