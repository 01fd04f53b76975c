package main

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/integrations/badger/badgerstore"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// opened opens a store whose time is that of the operating system, as three servers on loopback say.
func opened(t *testing.T, dir string, o badgerstore.Options) *badgerstore.Store {
	t.Helper()
	clock, _, err := measured(t.Context(), nil)
	require.NoError(t, err)
	return openedAt(t, dir, clock, o)
}

func openedAt(t *testing.T, dir string, clock *truetime.Clock, o badgerstore.Options) *badgerstore.Store {
	t.Helper()
	s, err := badgerstore.Open(context.WithoutCancel(t.Context()), dir, clock, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// TestBank_RunsLongerThanTheHistory: old totals cannot be taken again, and that is no failure; the others are, and are the same.
func TestBank_RunsLongerThanTheHistory(t *testing.T) {
	b := bank{store: opened(t, t.TempDir(), badgerstore.Options{History: 400 * time.Millisecond}), accounts: 5, clients: 2}
	r, err := b.run(t.Context(), 1500*time.Millisecond)
	require.NoError(t, err)
	require.Positive(t, r.transfers)
	require.Positive(t, r.totals)
	require.Positive(t, r.again)
	require.Positive(t, r.tooOld)
}

// TestBank_RunsWithinTheHistory: everything that was read can be read again, and there is more than is kept for that.
func TestBank_RunsWithinTheHistory(t *testing.T) {
	b := bank{store: opened(t, t.TempDir(), badgerstore.Options{}), accounts: 20, clients: 16}
	r, err := b.run(t.Context(), 1500*time.Millisecond)
	require.NoError(t, err)
	require.Positive(t, r.again)
	require.Zero(t, r.tooOld)
}

// TestBank_NoticesWhatIsWrong: a total, or another answer.
func TestBank_NoticesWhatIsWrong(t *testing.T) {
	b := bank{store: opened(t, t.TempDir(), badgerstore.Options{}), accounts: 5}
	_, err := b.fill(t.Context())
	require.NoError(t, err)
	a, err := b.total(t.Context(), commitwait.Strong())
	require.NoError(t, err)
	require.NoError(t, b.again(t.Context(), a))
	a.digest++
	require.ErrorContains(t, b.again(t.Context(), a), "another answer")

	_, err = b.transfer(t.Context(), 1, 0, 1, perAccount+1)
	require.ErrorIs(t, err, errTooPoor)
	_, err = b.transfer(t.Context(), 1, 0, 7, 1)
	require.ErrorIs(t, err, errNoAccount)
	_, err = b.store.Update(t.Context(), func(txn *badgerstore.Txn) error { return setBalance(txn, 0, 0) })
	require.NoError(t, err)
	_, err = b.total(t.Context(), commitwait.Strong())
	require.ErrorContains(t, err, "is 4000 instead of 5000")
	_, err = b.run(t.Context(), time.Minute)
	require.ErrorContains(t, err, "is 4000 instead of 5000", "and the run ends at once")
}

// TestRun is the program: alone, and twice with one bank.
func TestRun(t *testing.T) {
	short := []string{"-for", "300ms", "-clients", "4", "-accounts", "10"}
	require.NoError(t, run(t.Context(), short, io.Discard))
	dir := t.TempDir()
	for range 2 {
		var out bytes.Buffer
		require.NoError(t, run(t.Context(), append([]string{"-dir", dir, "-log"}, short...), &out))
		require.Contains(t, out.String(), "all of them right")
		require.Contains(t, out.String(), "\ntransfer ")
	}
	for _, other := range []string{"5", "11"} {
		err := run(t.Context(), []string{"-dir", dir, "-for", "100ms", "-accounts", other}, io.Discard)
		require.ErrorContains(t, err, "this bank has 10 accounts instead of "+other+": use -accounts 10", "its totals are right, and are not said to be wrong")
	}
	for _, args := range [][]string{{"-clients", "x"}, {"-accounts", "1"}, {"-dir", dir + "/nothing"}} {
		require.Error(t, run(t.Context(), args, io.Discard))
	}
}
