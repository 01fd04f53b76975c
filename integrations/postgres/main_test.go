package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/trueclock/trueclock/truetime/commitwait"
)

// server is one PostgreSQL for all tests, which make databases of their own in it.
var server = sync.OnceValues(func() (*Server, error) {
	started = true
	return NewServer(context.Background())
})

var started bool

func TestMain(m *testing.M) {
	code := m.Run()
	if started {
		if s, err := server(); err == nil {
			if err := s.Stop(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				code = 1
			}
		}
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// needed skips a test that needs PostgreSQL where it is not installed, or fails it if TRUECLOCK_REQUIRE asks for that.
func needed(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, ErrNoServer) {
		if names := strings.Split(os.Getenv("TRUECLOCK_REQUIRE"), ","); slices.Contains(names, "all") || slices.Contains(names, "postgres") {
			t.Fatalf("%v, and TRUECLOCK_REQUIRE asks for it", err)
		}
		t.Skip(err)
	}
	require.NoError(t, err)
}

var databases atomic.Int64

// database makes an empty one and returns how to connect to it.
func database(t testing.TB) string {
	t.Helper()
	s, err := server()
	needed(t, err)
	name := fmt.Sprint("test", databases.Add(1))
	require.NoError(t, s.Create(t.Context(), name))
	return s.DSN(name)
}

// opened opens a bank of two new shards, the clock of the first fast by ε, that of the second slow by it.
func opened(t testing.TB, ε time.Duration) *Bank {
	t.Helper()
	b, err := openBank(t.Context(), []string{database(t), database(t)}, t.TempDir(), ε, 40)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

// holding opens accounts that hold 100 each.
func holding(t testing.TB, b *Bank, accounts ...int64) {
	t.Helper()
	require.NoError(t, b.Open(t.Context(), accounts))
	_, err := b.Update(t.Context(), accounts, func(map[int64]int64) (map[int64]int64, error) {
		want := map[int64]int64{}
		for _, account := range accounts {
			want[account] = 100
		}
		return want, nil
	})
	require.NoError(t, err)
}

// balances are those at a snapshot, in the order of the accounts.
func balances(t testing.TB, b *Bank, mode commitwait.Mode, accounts ...int64) (held []int64) {
	t.Helper()
	_, all, err := b.View(t.Context(), mode, accounts...)
	require.NoError(t, err)
	for _, account := range accounts {
		held = append(held, all[account])
	}
	return held
}

// quiet: nothing is in flight, prepared or locked any more.
func quiet(t testing.TB, b *Bank, accounts ...int64) {
	t.Helper()
	for i, s := range b.shards {
		require.Zero(t, s.committer.Stats().InFlight)
		var prepared int
		require.NoError(t, s.pool.QueryRow(t.Context(), "SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()").Scan(&prepared))
		require.Zero(t, prepared)
		_, err := s.pool.Exec(t.Context(), "SELECT FROM account WHERE id = ANY($1) FOR UPDATE NOWAIT", b.on(i, accounts))
		require.NoError(t, err)
	}
}

// TestRun is the program: with a server of its own, and twice on the same databases.
func TestRun(t *testing.T) {
	t.Parallel()
	dsns := []string{database(t), database(t)}
	quick := []string{"-for", "300ms", "-clients", "4", "-accounts", "10"}
	require.NoError(t, run(t.Context(), quick, io.Discard))
	dir := t.TempDir()
	for range 2 {
		require.NoError(t, run(t.Context(), slices.Concat(quick, []string{"-dir", dir}, dsns), io.Discard))
	}
	require.Error(t, run(t.Context(), dsns, io.Discard), "without -dir the next run could begin below")
	require.Error(t, run(t.Context(), dsns[:1], io.Discard))
	for _, wrong := range [][]string{{"-clients", "x"}, {"-clients", "0"}, {"-accounts", "1"}, {"-for", "-1s"}, {"-eps", "600ms"}, {"-dir", "here"}} {
		require.Error(t, run(t.Context(), wrong, io.Discard), "%q", wrong)
	}
	var lost *IdentityError
	require.ErrorAs(t, run(t.Context(), slices.Concat(quick, []string{"-dir", t.TempDir()}, dsns), io.Discard), &lost, "a directory of another database")
}

// TestBank: money is moved within and across the shards and added up at snapshots of both, by the program's own code.
func TestBank(t *testing.T) {
	t.Parallel()
	l := load{bank: opened(t, 2*time.Millisecond), clients: 16}
	for account := range int64(20) {
		l.accounts = append(l.accounts, account)
	}
	r, err := l.run(t.Context(), 1500*time.Millisecond)
	require.NoError(t, err)
	require.NotZero(t, r.within)
	require.NotZero(t, r.across)
	require.NotZero(t, r.audits)
	quiet(t, l.bank, l.accounts...)
}
