package hlc

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/durable/durabletest"
)

// TestDurable_Cover_OutlivesACleanClose: what somebody else assigned is below all that the
// next run hands out, though the clock of this one has never seen it.
func TestDurable_Cover_OutlivesACleanClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk, wall := durabletest.New(), firstWall
		d, err := node(t, disk, &wall, DurableOptions{})
		require.NoError(t, err)
		assigned := Timestamp{WallTime: firstWall + int64(window)/4, Logical: 7}
		require.NoError(t, d.Cover(t.Context(), assigned))
		require.NoError(t, d.Close())
		d, err = node(t, disk, &wall, DurableOptions{})
		require.NoError(t, err)
		require.True(t, mustNow(t, d).After(assigned))
		require.NoError(t, d.Close())
	})
}
