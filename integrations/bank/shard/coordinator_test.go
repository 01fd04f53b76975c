package shard

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/integrations/bank/wire"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

// alone is a shard without others in this process.
func alone(t *testing.T, dir string) *Shard {
	t.Helper()
	local, err := truetime.NewLocalClock()
	require.NoError(t, err)
	clock := truetime.New(local, truetime.Options{})
	r, err := local.Read()
	require.NoError(t, err)
	require.NoError(t, clock.Update(truetimetest.Around(r, time.Now().UnixNano(), time.Millisecond, 0), nil))
	s, err := Open(t.Context(), Config{Addresses: []string{"127.0.0.1:1"}, Dir: dir}, clock, func(code int) { panic(code) })
	require.NoError(t, err)
	return s
}

// TestAsked_WhatIsSaidHolds: while a transaction is under way the answer is "not yet"; "aborted", once said, is true for ever, whoever comes late;
// and so is "committed".
func TestAsked_WhatIsSaidHolds(t *testing.T) {
	dir := t.TempDir()
	s := alone(t, dir)
	ask := func(tx int64) wire.Decision {
		d, err := s.asked(t.Context(), wire.Ask{Tx: tx})
		require.NoError(t, err)
		return d
	}
	require.True(t, s.begin(7))
	require.False(t, s.begin(7), "twice")
	require.Equal(t, wire.Decision{Tx: 7}, ask(7), "not decided yet")
	s.end(7) // it failed, and nobody was told that it is aborted
	require.True(t, s.begin(7))
	s.end(7)

	opened, err := s.open(t.Context(), wire.Open{Tx: 1, Accounts: []int{0, 1}, Balance: 100})
	require.NoError(t, err)
	require.True(t, opened.Committed)
	moved, err := s.transfer(t.Context(), wire.Transfer{Tx: 8, Amounts: map[int]int64{0: -1, 1: 1}})
	require.NoError(t, err)
	require.True(t, moved.Committed, moved.Why)
	require.True(t, moved.TS.After(opened.TS))
	for range 2 {
		require.Equal(t, wire.Decision{Tx: 7, Decided: true}, ask(7))
		require.False(t, s.begin(7), "it was said to be aborted")
		require.Equal(t, wire.Decision{Tx: 8, Decided: true, Commit: true, TS: moved.TS}, ask(8))
		require.False(t, s.begin(8), "it was committed")
		require.NoError(t, s.Close())
		s = alone(t, dir)
	}
	defer func() { require.NoError(t, s.Close()) }()
	outcome, err := s.transfer(t.Context(), wire.Transfer{Tx: 7, Amounts: map[int]int64{0: -1, 1: 1}})
	require.NoError(t, err)
	require.Contains(t, outcome.Why, "late")
}

// TestTransfer_Refuses what makes money, what is not here, and what the account does not have.
func TestTransfer_Refuses(t *testing.T) {
	s := alone(t, t.TempDir())
	defer func() { require.NoError(t, s.Close()) }()
	s.config.Addresses = []string{"", ""} // account 1 would be on the other one
	_, err := s.open(t.Context(), wire.Open{Tx: 1, Accounts: []int{1}})
	require.ErrorIs(t, err, errNotMine)
	_, err = s.prepare(t.Context(), wire.Prepare{Tx: 1, Amounts: map[int]int64{1: 1}})
	require.ErrorIs(t, err, errNotMine)
	s.config.Addresses = []string{""}
	_, err = s.open(t.Context(), wire.Open{Tx: 2, Accounts: []int{0, 1}, Balance: 5})
	require.NoError(t, err)
	_, err = s.transfer(t.Context(), wire.Transfer{Tx: 3, Amounts: map[int]int64{0: -1, 1: 2}})
	require.ErrorContains(t, err, "makes money")
	_, err = s.transfer(t.Context(), wire.Transfer{Tx: 3})
	require.ErrorContains(t, err, "no account here")
	for i, amounts := range []map[int]int64{{0: -6, 1: 6}, {0: -1, 9: 1}} {
		outcome, err := s.transfer(t.Context(), wire.Transfer{Tx: 4 + int64(i), Amounts: amounts})
		require.NoError(t, err)
		require.Contains(t, outcome.Why, "poor")
	}
	vote, err := s.prepare(t.Context(), wire.Prepare{Tx: 6, Amounts: map[int]int64{0: -6}})
	require.NoError(t, err)
	require.False(t, vote.Yes)
	require.Contains(t, vote.Why, "poor")
	require.Empty(t, s.locks.held)
}

// TestTransfer_AbortedHolds: the client was told that its transaction is aborted, since an account was poor. It is rich when a late copy of the request
// comes, also after a restart, and the copy changes nothing.
func TestTransfer_AbortedHolds(t *testing.T) {
	dir := t.TempDir()
	s := alone(t, dir)
	_, err := s.open(t.Context(), wire.Open{Tx: 1, Accounts: []int{0, 1}, Balance: 5})
	require.NoError(t, err)
	late := wire.Transfer{Tx: 2, Amounts: map[int]int64{0: -6, 1: 6}}
	outcome, err := s.transfer(t.Context(), late)
	require.NoError(t, err)
	require.Contains(t, outcome.Why, "poor")
	rich, err := s.transfer(t.Context(), wire.Transfer{Tx: 3, Amounts: map[int]int64{0: 5, 1: -5}})
	require.NoError(t, err)
	require.True(t, rich.Committed, rich.Why)
	for range 2 {
		outcome, err = s.transfer(t.Context(), late)
		require.NoError(t, err)
		require.False(t, outcome.Committed)
		require.Contains(t, outcome.Why, "late")
		require.NoError(t, s.Close())
		s = alone(t, dir)
	}
	require.NoError(t, s.Close())
}

// TestTransfer_ALateCopy of what was committed gets the same answer, and of what is under way none: it may still be committed.
func TestTransfer_ALateCopy(t *testing.T) {
	s := alone(t, t.TempDir())
	defer func() { require.NoError(t, s.Close()) }()
	deposit := wire.Open{Tx: 1, Accounts: []int{0, 1}, Balance: 5}
	opened, err := s.open(t.Context(), deposit)
	require.NoError(t, err)
	again, err := s.open(t.Context(), deposit)
	require.NoError(t, err)
	require.Equal(t, wire.Outcome{Committed: true, TS: opened.TS}, again)
	move := wire.Transfer{Tx: 2, Amounts: map[int]int64{0: -1, 1: 1}}
	require.True(t, s.begin(move.Tx))
	_, err = s.transfer(t.Context(), move)
	require.ErrorContains(t, err, "under way")
	s.end(move.Tx)
}
