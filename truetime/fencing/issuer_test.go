package fencing

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
)

// TestIssuer_RisesAcrossRestarts, though the clock went back by an hour in between.
func TestIssuer_RisesAcrossRestarts(t *testing.T) {
	dir, last, at := t.TempDir(), Token(0), time.Now()
	for range 3 {
		clock, err := hlc.New(hlc.Options{Physical: at.UnixNano, Layout: hlc.Kudu(), MaxLead: hlc.Unlimited})
		require.NoError(t, err)
		durable, err := hlc.OpenDurable(t.Context(), clock, hlc.DurableOptions{Dir: dir})
		require.NoError(t, err)
		issuer, err := NewIssuer(durable, hlc.Kudu())
		require.NoError(t, err)
		for range 100 {
			token, err := issuer.Issue(t.Context())
			require.NoError(t, err)
			require.Greater(t, token, last)
			last = token
		}
		require.NoError(t, durable.Close())
		_, err = issuer.Issue(t.Context())
		require.ErrorIs(t, err, hlc.ErrClosed)
		at = at.Add(-time.Hour)
	}
}

// TestIssuer_OfAnotherLayout refuses: rounded up, two timestamps could be one token.
func TestIssuer_OfAnotherLayout(t *testing.T) {
	clock, err := hlc.New(hlc.Options{Physical: func() int64 { return 1_800_000_000_000_000_001 }})
	require.NoError(t, err)
	durable, err := hlc.OpenDurable(t.Context(), clock, hlc.DurableOptions{Dir: t.TempDir()})
	require.NoError(t, err)
	issuer, err := NewIssuer(durable, hlc.Kudu())
	require.NoError(t, err)
	_, err = issuer.Issue(t.Context())
	require.ErrorContains(t, err, "another one?")
	require.NoError(t, durable.Close())
	_, err = NewIssuer(nil, hlc.Kudu())
	require.Error(t, err)
}
