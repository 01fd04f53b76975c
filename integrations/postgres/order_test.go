package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// impatient has a shard acknowledge as soon as COMMIT is answered, and not wait: what this integration is there to avoid.
func impatient(t testing.TB, s *Shard) {
	s.commit = func(ctx context.Context, apply func(context.Context, hlc.Timestamp) error, floors ...hlc.Timestamp) (hlc.Timestamp, error) {
		p, err := s.committer.Assign(ctx, floors...)
		if err != nil {
			return hlc.Timestamp{}, err
		}
		applied := make(chan error, 1)
		s.work.Go(func() {
			_ = p.Run(s.closing, func(context.Context, hlc.Timestamp) error {
				err := apply(ctx, p.TS())
				applied <- err
				return err
			})
		})
		return p.TS(), <-applied
	}
}

// TestOrder_IsThatOfRealTime: a transfer on the shard whose clock is fast is acknowledged, then one on the other, whose clock is slow, begins: a
// snapshot that has the second has the first, and one that is taken by the slow clock has it too. Without the wait it is not so.
func TestOrder_IsThatOfRealTime(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]bool{"with the wait": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ε := 2 * time.Millisecond
			if !wait {
				ε = 500 * time.Millisecond // so that the violation does not depend on how fast the machine is
			}
			b := opened(t, ε)
			holding(t, b, 0, 1, 2, 3)
			if !wait {
				impatient(t, b.shards[0])
				impatient(t, b.shards[1])
			}
			violated := 0
			for range 5 {
				first, err := b.Transfer(t.Context(), 0, 2, 1)
				require.NoError(t, err)
				second, err := b.Transfer(t.Context(), 1, 3, 1)
				require.NoError(t, err)
				third, err := b.shards[1].committer.Snapshot(t.Context(), commitwait.Strong())
				require.NoError(t, err)
				if !second.After(first) || third.Before(first) {
					violated++
				}
			}
			if wait {
				require.Zero(t, violated)
			} else {
				require.NotZero(t, violated, "so that this test can fail")
			}
		})
	}
}

// operation is one of a client on an account.
type operation struct {
	write bool
	value int64
}

// register is what porcupine checks an account against.
var register = porcupine.Model{
	Init: func() any { return int64(100) },
	Step: func(state, input, output any) (bool, any) {
		op := input.(operation)
		if op.write {
			return true, op.value
		}
		return output.(int64) == state.(int64), state
	},
	Equal: func(a, b any) bool { return a == b },
}

// TestAccounts_AreLinearizable: every account is a register, as if each operation had happened at one moment between its begin and its end,
// whichever shard's clock a reader goes by, and whether the write was of accounts on one shard or on both.
func TestAccounts_AreLinearizable(t *testing.T) {
	t.Parallel()
	b := opened(t, 2*time.Millisecond)
	accounts := []int64{0, 1, 2, 3}
	holding(t, b, accounts...)
	seed := uint64(time.Now().UnixNano())
	const clients, each = 8, 30
	began := time.Now()
	histories := make([][]porcupine.Operation, len(accounts))
	var mu sync.Mutex
	var work sync.WaitGroup
	for client := range clients {
		work.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(client)))
			for i := range each {
				some := []int64{r.Int64N(4), r.Int64N(4)}
				op := operation{write: r.IntN(2) == 0, value: int64(1000 + client*each + i)}
				call := int64(time.Since(began))
				var seen map[int64]int64
				var err error
				if op.write {
					_, err = b.Update(t.Context(), some, func(map[int64]int64) (map[int64]int64, error) {
						return map[int64]int64{some[0]: op.value, some[1]: op.value}, nil
					})
				} else {
					_, seen, err = b.ViewFrom(t.Context(), r.IntN(2), commitwait.Strong(), some...)
				}
				if err != nil {
					t.Error(err)
					return
				}
				back := int64(time.Since(began))
				mu.Lock()
				for _, account := range sorted(some) {
					histories[account] = append(histories[account], porcupine.Operation{ClientId: client, Input: op, Call: call, Output: seen[account], Return: back})
				}
				mu.Unlock()
			}
		})
	}
	work.Wait()
	for account, history := range histories {
		require.Equal(t, porcupine.Ok, porcupine.CheckOperationsTimeout(register, history, time.Minute), "account %d, seed %d", account, seed)
	}
}

// TestAccounts_WithoutTheWait are not: a write that was acknowledged by the shard with the fast clock is missed by a read that goes by the slow one.
func TestAccounts_WithoutTheWait(t *testing.T) {
	t.Parallel()
	b := opened(t, 500*time.Millisecond)
	holding(t, b, 0)
	impatient(t, b.shards[0])
	began := time.Now()
	var history []porcupine.Operation
	for i := range 3 {
		call := int64(time.Since(began))
		op := operation{write: true, value: int64(i)}
		_, err := b.Update(t.Context(), []int64{0}, func(map[int64]int64) (map[int64]int64, error) { return map[int64]int64{0: op.value}, nil })
		require.NoError(t, err)
		history = append(history, porcupine.Operation{Input: op, Call: call, Return: int64(time.Since(began))})
		call = int64(time.Since(began))
		_, seen, err := b.ViewFrom(t.Context(), 1, commitwait.Strong(), 0)
		require.NoError(t, err)
		history = append(history, porcupine.Operation{ClientId: 1, Input: operation{}, Output: seen[0], Call: call, Return: int64(time.Since(began))})
	}
	require.Equal(t, porcupine.Illegal, porcupine.CheckOperationsTimeout(register, history, time.Minute))
}
