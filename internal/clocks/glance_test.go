package clocks

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestGlance_IsOneSandwich of this machine, after the one before it.
func TestGlance_IsOneSandwich(t *testing.T) {
	first, err := Glance()
	require.NoError(t, err)
	second, err := Glance()
	require.NoError(t, err)
	require.GreaterOrEqual(t, second.Raw[0], first.Raw[1])
	require.Equal(t, len(Missing()) > 0, second.Alone)
}
