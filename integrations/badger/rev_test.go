package main

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRev_FewerAccounts than the bank in -dir has: the program says that its totals are wrong, and they are right.
func TestRev_FewerAccounts(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, run(t.Context(), []string{"-dir", dir, "-for", "100ms", "-clients", "2", "-accounts", "10"}, io.Discard))
	err := run(t.Context(), []string{"-dir", dir, "-for", "100ms", "-clients", "2", "-accounts", "5"}, io.Discard)
	if err != nil {
		require.NotContains(t, err.Error(), "the total at")
	}
}
