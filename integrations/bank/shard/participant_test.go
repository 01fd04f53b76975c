package shard

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/integrations/bank/wire"
)

// TestPrepare_OneVote: who was told the decision does not vote for that transaction again, also after a restart. The second vote would lie below the end
// of the first, a restart would not find it, and if the coordinator committed then, half of the transaction would be lost.
func TestPrepare_OneVote(t *testing.T) {
	for _, commit := range []bool{false, true} {
		dir := t.TempDir()
		s := alone(t, dir)
		_, err := s.open(t.Context(), wire.Open{Tx: 1, Accounts: []int{0, 1}, Balance: 5})
		require.NoError(t, err)
		prepare := func() wire.Vote {
			vote, err := s.prepare(t.Context(), wire.Prepare{Tx: 2, Amounts: map[int]int64{0: 1}})
			require.NoError(t, err)
			return vote
		}
		vote := prepare()
		require.True(t, vote.Yes, vote.Why)
		require.NoError(t, s.decided(t.Context(), wire.Decision{Tx: 2, Decided: true, Commit: commit, TS: vote.TS}))
		for range 2 {
			vote = prepare()
			require.False(t, vote.Yes, "commit: %v", commit)
			require.Contains(t, vote.Why, "late")
			require.Empty(t, s.votes)
			require.Empty(t, s.locks.held)
			require.NoError(t, s.Close())
			s = alone(t, dir)
		}
		require.NoError(t, s.Close())
	}
}

// TestPrepare_ACopyThatWaited for the locks of the first vote finds, when it gets them, that the decision was told meanwhile.
func TestPrepare_ACopyThatWaited(t *testing.T) {
	s := alone(t, t.TempDir())
	defer func() { require.NoError(t, s.Close()) }()
	_, err := s.open(t.Context(), wire.Open{Tx: 1, Accounts: []int{0}, Balance: 5})
	require.NoError(t, err)
	request := wire.Prepare{Tx: 2, Amounts: map[int]int64{0: 1}}
	first, err := s.prepare(t.Context(), request)
	require.NoError(t, err)
	require.True(t, first.Yes, first.Why)
	second := make(chan wire.Vote, 1)
	go func() {
		vote, _ := s.prepare(t.Context(), request)
		second <- vote
	}()
	require.Eventually(t, func() bool {
		s.locks.mu.Lock()
		defer s.locks.mu.Unlock()
		return len(s.locks.held[0].queue) == 1 || len(second) == 1 // it has given up already, on a machine that is very slow
	}, time.Minute, time.Millisecond, "the copy waits")
	require.NoError(t, s.decided(t.Context(), wire.Decision{Tx: 2, Decided: true}))
	vote := <-second
	require.False(t, vote.Yes)
	require.NotEmpty(t, vote.Why)
}
