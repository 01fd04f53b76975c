package shard

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/integrations/bank/wire"
)

// TestRev_AbortedIsSaidAndDoesNotHold: the client (wire.Outcome: "for certain") and the participants were told that it is aborted. A late copy of the
// request commits it.
func TestRev_AbortedIsSaidAndDoesNotHold(t *testing.T) {
	s := alone(t, t.TempDir())
	defer func() { require.NoError(t, s.Close()) }()
	_, err := s.open(t.Context(), wire.Open{Tx: 1, Accounts: []int{0, 1}, Balance: 5})
	require.NoError(t, err)
	late := wire.Transfer{Tx: 2, Amounts: map[int]int64{0: -6, 1: 6}}
	outcome, err := s.transfer(t.Context(), late)
	require.NoError(t, err)
	require.Contains(t, outcome.Why, "poor", "the client is told that it was not committed")
	_, err = s.transfer(t.Context(), wire.Transfer{Tx: 3, Amounts: map[int]int64{0: 5, 1: -5}})
	require.NoError(t, err)
	outcome, err = s.transfer(t.Context(), late)
	require.NoError(t, err)
	require.False(t, outcome.Committed, "and now it is")
}

// TestRev_ASecondVoteIsNotDurable: a transaction that was aborted without a record is asked for once more (the test above), and the participant votes once more. The vote, at version 1,
// lies below the end of the first one, at version 2: a restart does not find it, and the shard has forgotten what it has promised. If the coordinator
// commits, half of the transaction is lost.
func TestRev_ASecondVoteIsNotDurable(t *testing.T) {
	dir := t.TempDir()
	s := alone(t, dir)
	_, err := s.open(t.Context(), wire.Open{Tx: 1, Accounts: []int{0, 1}, Balance: 5})
	require.NoError(t, err)
	vote := func() {
		vote, err := s.prepare(t.Context(), wire.Prepare{Tx: 2, Amounts: map[int]int64{0: 1}})
		require.NoError(t, err)
		require.True(t, vote.Yes, vote.Why)
	}
	vote()
	require.NoError(t, s.decided(t.Context(), wire.Decision{Tx: 2, Decided: true}))
	vote()
	require.NoError(t, s.Close())
	s = alone(t, dir)
	defer func() { require.NoError(t, s.Close()) }()
	require.Contains(t, s.votes, int64(2), "the second vote, which was sent")
}
