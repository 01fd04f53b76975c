package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/dgraph-io/badger/v4"
	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/commitwait"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

const ε = 2 * time.Millisecond

// leaning returns a clock whose interval is the operating system's time + lean ± ε.
func leaning(t testing.TB, lean time.Duration) *truetime.Clock {
	t.Helper()
	local, err := truetime.NewLocalClock()
	require.NoError(t, err)
	clock := truetime.New(local, truetime.Options{})
	r, err := local.Read()
	require.NoError(t, err)
	require.NoError(t, clock.Update(truetimetest.Around(r, time.Now().Add(lean).UnixNano(), ε, 0), nil))
	return clock
}

func opened(t testing.TB, dir string, lean time.Duration) *node {
	t.Helper()
	n, err := open(t.Context(), dir, leaning(t, lean))
	require.NoError(t, err)
	return n
}

func set(key, value string) func(*badger.Txn) error {
	return func(txn *badger.Txn) error { return txn.Set([]byte(key), []byte(value)) }
}

// get reads key at a snapshot; "" if it is not there.
func get(t testing.TB, s *Store, mode commitwait.Mode, key string) (ts hlc.Timestamp, value string) {
	t.Helper()
	ts, err := s.View(context.WithoutCancel(t.Context()), mode, func(txn *badger.Txn) error {
		item, err := txn.Get([]byte(key))
		if errors.Is(err, badger.ErrKeyNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		return item.Value(func(b []byte) error { value = string(b); return nil })
	})
	require.NoError(t, err)
	return ts, value
}

// TestManagedMode_Traps is why Store is needed: what Badger accepts from whoever brings timestamps of his own.
func TestManagedMode_Traps(t *testing.T) {
	db, err := badger.OpenManaged(badger.DefaultOptions(t.TempDir()).WithLogger(nil))
	require.NoError(t, err)
	defer db.Close()
	commit := func(value string, at uint64) {
		txn := db.NewTransactionAt(at, true)
		defer txn.Discard()
		require.NoError(t, set("k", value)(txn))
		require.NoError(t, txn.CommitAt(at, nil))
	}
	read := func(at uint64) (value string) {
		txn := db.NewTransactionAt(at, false)
		defer txn.Discard()
		item, err := txn.Get([]byte("k"))
		require.NoError(t, err)
		require.NoError(t, item.Value(func(b []byte) error { value = string(b); return nil }))
		return value
	}
	commit("a", 100)
	require.Equal(t, "a", read(200))
	commit("b", 150)
	require.Equal(t, "b", read(200), "a commit below a read changed what was read")
	commit("c", 150)
	require.Equal(t, "c", read(200), "a second commit at one version took the place of the first")
}

// TestBank: money is moved and added up at snapshots, by the program's own code.
func TestBank(t *testing.T) {
	n := opened(t, t.TempDir(), ε)
	b := bank{store: n.Store, accounts: 20, clients: 16}
	r, err := b.run(t.Context(), 1500*time.Millisecond)
	require.NoError(t, err)
	require.NotZero(t, r.commits)
	require.NotZero(t, r.reads)
	require.NoError(t, n.Close())
}

// TestRun is the program.
func TestRun(t *testing.T) {
	require.NoError(t, run(t.Context(), []string{"-for", "300ms", "-clients", "4", "-accounts", "10"}, io.Discard))
	require.Error(t, run(t.Context(), []string{"-clients", "x"}, io.Discard))
}

// operation is one of a client on a key.
type operation struct {
	write bool
	value int
}

// register is what porcupine checks a key against.
var register = porcupine.Model{
	Init: func() any { return 0 },
	Step: func(state, input, output any) (bool, any) {
		op := input.(operation)
		if op.write {
			return true, op.value
		}
		return output.(int) == state.(int), state
	},
	Equal: func(a, b any) bool { return a == b },
}

// TestStore_IsLinearizable: every key is a register, as if each operation had happened at one moment between its begin and its end.
func TestStore_IsLinearizable(t *testing.T) {
	n := opened(t, t.TempDir(), -ε)
	defer func() { require.NoError(t, n.Close()) }()
	seed := uint64(time.Now().UnixNano())
	const clients, each, keys = 8, 40, 3
	began := time.Now()
	histories := make([][]porcupine.Operation, keys)
	var mu sync.Mutex
	var work sync.WaitGroup
	for client := range clients {
		work.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(client)))
			for i := range each {
				key, op := r.IntN(keys), operation{write: r.IntN(2) == 0, value: 1 + client*each + i}
				call := time.Since(began)
				seen := 0
				if op.write {
					_, err := n.Update(t.Context(), set(fmt.Sprint("key-", key), strconv.Itoa(op.value)))
					if err != nil {
						t.Error(err)
						return
					}
				} else if _, text := get(t, n.Store, commitwait.Strong(), fmt.Sprint("key-", key)); text != "" {
					seen, _ = strconv.Atoi(text)
				}
				mu.Lock()
				histories[key] = append(histories[key], porcupine.Operation{ClientId: client, Input: op, Call: int64(call), Output: seen, Return: int64(time.Since(began))})
				mu.Unlock()
			}
		})
	}
	work.Wait()
	for key, history := range histories {
		require.Equal(t, porcupine.Ok, porcupine.CheckOperationsTimeout(register, history, time.Minute), "key %d, seed %d", key, seed)
	}
}

// TestStore_AStaleReadIsNotLinearizable, so that the test above can fail: a write, and a read after it that does not see it.
func TestStore_AStaleReadIsNotLinearizable(t *testing.T) {
	n := opened(t, t.TempDir(), 0)
	defer func() { require.NoError(t, n.Close()) }()
	_, err := n.Update(t.Context(), set("k", "7"))
	require.NoError(t, err)
	_, value := get(t, n.Store, commitwait.ExactStaleness(time.Minute/4), "k")
	require.Empty(t, value)
	require.Equal(t, porcupine.Illegal, porcupine.CheckOperationsTimeout(register, []porcupine.Operation{
		{ClientId: 0, Input: operation{write: true, value: 7}, Call: 0, Return: 1},
		{ClientId: 1, Input: operation{}, Output: 0, Call: 2, Return: 3},
	}, time.Minute))
}

// TestStore_ARestartBeginsAbove all that was committed and read, though the clock is now behind by the whole of its interval.
func TestStore_ARestartBeginsAbove(t *testing.T) {
	dir := t.TempDir()
	n := opened(t, dir, ε)
	committed, err := n.Update(t.Context(), set("k", "a"))
	require.NoError(t, err)
	read, value := get(t, n.Store, commitwait.Strong(), "k")
	require.Equal(t, "a", value)
	require.NoError(t, n.Close())

	n = opened(t, dir, -ε)
	again, err := n.Update(t.Context(), set("k", "b"))
	require.NoError(t, err)
	require.True(t, again.After(committed) && again.After(read))
	_, value = get(t, n.Store, commitwait.At(read), "k")
	require.Equal(t, "a", value, "what was read stays so")
	_, value = get(t, n.Store, commitwait.ExactStaleness(0).AtLeast(again), "k")
	require.Equal(t, "b", value)
	require.NoError(t, n.Close())
}

// TestStore_ForgetsWhatNobodyCanRead, and nothing else.
func TestStore_ForgetsWhatNobodyCanRead(t *testing.T) {
	n := opened(t, t.TempDir(), 0)
	defer func() { require.NoError(t, n.Close()) }()
	n.history = 0
	first, err := n.Update(t.Context(), set("k", "0"))
	require.NoError(t, err)
	var middle hlc.Timestamp
	for i := range 10 {
		ts, err := n.Update(t.Context(), set("k", strconv.Itoa(i+1)))
		require.NoError(t, err)
		if i == 4 {
			middle = ts
		}
	}
	_, err = n.View(t.Context(), commitwait.At(middle), func(txn *badger.Txn) error {
		require.NoError(t, n.Discard())
		require.Equal(t, middle, n.discard, "an open read holds it up")
		return nil
	})
	require.NoError(t, err)
	_, err = n.View(t.Context(), commitwait.At(first), func(*badger.Txn) error { t.Error("read"); return nil })
	var old *TooOldError
	require.ErrorAs(t, err, &old)
	require.Equal(t, TooOldError{TS: first, Oldest: middle}, *old)

	require.NoError(t, n.db.Flatten(1))
	_, value := get(t, n.Store, commitwait.At(middle), "k")
	require.Equal(t, "5", value)
	_, value = get(t, n.Store, commitwait.Strong(), "k")
	require.Equal(t, "10", value)
	require.NoError(t, n.Discard())
	require.NoError(t, n.Discard(), "nothing is new")
	_, err = n.Update(t.Context(), set("k", "11"))
	require.NoError(t, err, "no commit is below it")
}

// TestStore_AConflictRunsAgain, and a transaction that gives up does nothing.
func TestStore_AConflictRunsAgain(t *testing.T) {
	n := opened(t, t.TempDir(), 0)
	defer func() { require.NoError(t, n.Close()) }()
	const clients, each = 4, 10
	var work sync.WaitGroup
	for range clients {
		work.Go(func() {
			for range each {
				_, err := n.Update(t.Context(), func(txn *badger.Txn) error {
					count := 0
					item, err := txn.Get([]byte("count"))
					if err == nil {
						err = item.Value(func(b []byte) error { count, err = strconv.Atoi(string(b)); return err })
					} else if errors.Is(err, badger.ErrKeyNotFound) {
						err = nil
					}
					return errors.Join(err, set("count", strconv.Itoa(count+1))(txn))
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
	_, value := get(t, n.Store, commitwait.Strong(), "count")
	require.Equal(t, strconv.Itoa(clients*each), value)

	why := errors.New("changed my mind")
	_, err := n.Update(t.Context(), func(txn *badger.Txn) error { return errors.Join(set("count", "0")(txn), why) })
	require.ErrorIs(t, err, why)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	_, err = n.Update(ctx, set("count", "0"))
	require.ErrorIs(t, err, why)
	_, value = get(t, n.Store, commitwait.Strong(), "count")
	require.Equal(t, strconv.Itoa(clients*each), value)
	require.Zero(t, n.committer.Stats().InFlight)
}

// BenchmarkCommits is 256 committers at once with synced writes and ε = 2 ms, beside the same without the wait. At best they
// make 256 / (2ε + what a commit takes) a second: waits overlap, and never queue behind one another.
func BenchmarkCommits(b *testing.B) {
	const committers = 256
	for name, wait := range map[string]bool{"with commit wait": true, "without": false} {
		b.Run(name, func(b *testing.B) {
			n := opened(b, b.TempDir(), 0)
			defer func() { require.NoError(b, n.Close()) }()
			ctx := b.Context()
			var clock sync.Mutex
			version := uint64(time.Now().UnixMicro()) << 12
			commit := func(key string) error {
				if wait {
					_, err := n.Update(ctx, set(key, "value"))
					return err
				}
				clock.Lock()
				version++
				at := version
				clock.Unlock()
				txn := n.db.NewTransactionAt(at-1, true)
				defer txn.Discard()
				return errors.Join(set(key, "value")(txn), txn.CommitAt(at, nil))
			}
			b.SetParallelism(committers / 2)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				key := fmt.Sprint("key-", rand.Uint64())
				for pb.Next() {
					if err := commit(key); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
		})
	}
}
