package commitwait

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
)

// gate is a context whose commit is held, from its assignment on, until it is opened.
type gate struct {
	context.Context
	open chan struct{}
}

// gated is a node whose Cover holds the commits that have a gate.
func gated(t *testing.T) *node {
	return newNode(t, 0, Options{Cover: func(ctx context.Context, _ hlc.Timestamp) error {
		if open, ok := ctx.Value(gate{}).(chan struct{}); ok {
			<-open
		}
		return nil
	}})
}

func (g gate) Value(key any) any {
	if key == (gate{}) {
		return g.open
	}
	return g.Context.Value(key)
}

// entering returns what CommitInOrder calls, which notes the timestamp in order and then does as it is told.
func entering(order *[]hlc.Timestamp, durable func() error, err error) func(context.Context, hlc.Timestamp) (func() error, error) {
	return func(_ context.Context, ts hlc.Timestamp) (func() error, error) {
		*order = append(*order, ts) // never two at once: the race detector would say
		return durable, err
	}
}

// TestCommitInOrder_WaitsForTheLower, whose own wait began late.
func TestCommitInOrder_WaitsForTheLower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := gated(t)
		g := gate{Context: t.Context(), open: make(chan struct{})}
		var order []hlc.Timestamp
		var lower, higher hlc.Timestamp
		var work sync.WaitGroup
		work.Go(func() {
			var err error
			lower, err = n.committer.CommitInOrder(g, entering(&order, nil, nil))
			require.NoError(t, err)
		})
		synctest.Wait()
		work.Go(func() {
			var err error
			higher, err = n.committer.CommitInOrder(t.Context(), entering(&order, nil, nil))
			require.NoError(t, err)
		})
		time.Sleep(time.Second) // of virtual time: all waits are over
		synctest.Wait()
		require.Empty(t, order, "the higher one has passed long since, and has not its turn")
		close(g.open)
		work.Wait()
		require.Equal(t, []hlc.Timestamp{lower, higher}, order)
		require.True(t, lower.Before(higher))
	})
}

// TestCommitInOrder_TheDiskIsNotQueuedFor: a hundred commits at once take one wait and one sync, and not a hundred.
func TestCommitInOrder_TheDiskIsNotQueuedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{})
		var order []hlc.Timestamp
		sync := func() error { time.Sleep(10 * time.Millisecond); return nil }
		began := time.Now()
		done := make(chan error)
		for range 100 {
			go func() {
				_, err := n.committer.CommitInOrder(t.Context(), entering(&order, sync, nil))
				done <- err
			}()
		}
		for range 100 {
			require.NoError(t, <-done)
		}
		require.Equal(t, 2*ε+time.Nanosecond+10*time.Millisecond, time.Since(began))
		require.Len(t, order, 100)
		for i := range order[1:] {
			require.True(t, order[i].Before(order[i+1]))
		}
		require.Zero(t, n.committer.Stats().InFlight)
	})
}

// TestCommitInOrder_WhatHoldsUp those above: a commit of which the store may yet come to know, and nothing else.
func TestCommitInOrder_WhatHoldsUp(t *testing.T) {
	broken := errors.New("disk on fire")
	type lower func(t *testing.T, c *Committer) (end func())
	none := func() {}
	cases := map[string]struct {
		begin lower
		holds bool
	}{
		"a conflict, since it is certain": {func(t *testing.T, c *Committer) func() {
			_, err := c.CommitInOrder(t.Context(), entering(new([]hlc.Timestamp), nil, NotApplied(broken)))
			require.ErrorAs(t, err, new(*ApplyError))
			return none
		}, false},
		"a sync of which nobody knows, since the store knows of the commit": {func(t *testing.T, c *Committer) func() {
			_, err := c.CommitInOrder(t.Context(), entering(new([]hlc.Timestamp), func() error { return broken }, nil))
			require.ErrorAs(t, err, new(*OutcomeUnknownError))
			return none
		}, false},
		"an entry of which nobody knows": {func(t *testing.T, c *Committer) func() {
			_, err := c.CommitInOrder(t.Context(), entering(new([]hlc.Timestamp), nil, broken))
			var unknown *OutcomeUnknownError
			require.ErrorAs(t, err, &unknown)
			return func() { require.NoError(t, c.Resolve(t.Context(), unknown.TS, false)) }
		}, true},
		"a panic": {func(t *testing.T, c *Committer) func() {
			var ts hlc.Timestamp
			require.Panics(t, func() {
				_, _ = c.CommitInOrder(t.Context(), func(_ context.Context, at hlc.Timestamp) (func() error, error) { ts = at; panic(broken) })
			})
			return func() { require.NoError(t, c.Resolve(t.Context(), ts, true)) }
		}, true},
		"one that is assigned": {func(t *testing.T, c *Committer) func() {
			p, err := c.Assign(t.Context())
			require.NoError(t, err)
			return func() { require.NoError(t, p.Abort()) }
		}, true},
		"one that is durable and waits": {func(t *testing.T, c *Committer) func() {
			p, err := c.Assign(t.Context())
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			require.ErrorAs(t, p.Run(ctx, nothing), new(*NotYetVisibleError))
			return none
		}, false},
		"one that Commit is writing": {func(t *testing.T, c *Committer) func() {
			written := make(chan struct{})
			done := make(chan error)
			go func() {
				_, err := c.Commit(t.Context(), func(context.Context, hlc.Timestamp) error { <-written; return nil })
				done <- err
			}()
			time.Sleep(time.Second) // of virtual time
			return func() { close(written); require.NoError(t, <-done) }
		}, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNode(t, 0, Options{})
				end := c.begin(t, n.committer)
				var order []hlc.Timestamp
				done := make(chan error, 1)
				go func() {
					_, err := n.committer.CommitInOrder(t.Context(), entering(&order, nil, nil))
					done <- err
				}()
				time.Sleep(time.Second) // of virtual time
				synctest.Wait()
				require.Equal(t, c.holds, len(order) == 0)
				end()
				require.NoError(t, <-done)
				require.Len(t, order, 1)
			})
		})
	}
}

// TestCommitInOrder_GivesUpItsTurn when its context or the Committer ends: nothing is applied, and those above go on.
func TestCommitInOrder_GivesUpItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{})
		first, err := n.committer.Assign(t.Context())
		require.NoError(t, err)
		var order []hlc.Timestamp
		why := errors.New("client went away")
		ctx, cancel := context.WithCancelCause(t.Context())
		errs := make(chan error)
		for _, ctx := range []context.Context{ctx, t.Context()} {
			go func() {
				_, err := n.committer.CommitInOrder(ctx, entering(&order, nil, nil))
				errs <- err
			}()
			synctest.Wait()
		}
		time.Sleep(time.Second) // of virtual time
		cancel(why)
		err = <-errs
		require.ErrorIs(t, err, why)
		require.ErrorAs(t, err, new(*truetime.WaitError))
		require.Equal(t, 2, n.committer.Stats().InFlight)
		require.NoError(t, first.Abort())
		require.NoError(t, <-errs)
		require.Len(t, order, 1)

		_, err = n.committer.Assign(t.Context())
		require.NoError(t, err)
		go func() {
			_, err := n.committer.CommitInOrder(t.Context(), entering(&order, nil, nil))
			errs <- err
		}()
		time.Sleep(time.Second) // of virtual time
		go func() { errs <- n.committer.Close() }()
		require.ErrorIs(t, <-errs, ErrClosed)
		require.NoError(t, <-errs)
		require.Len(t, order, 1)
		_, err = n.committer.CommitInOrder(t.Context(), nil)
		require.Error(t, err)
	})
}

// TestCommitInOrder_WhateverHappens: commits that are held up, refused, given up and mixed with those of Commit; what enters rises.
func TestCommitInOrder_WhateverHappens(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	synctest.Test(t, func(t *testing.T) {
		n := gated(t)
		var order []hlc.Timestamp
		done := make(chan struct{})
		const clients, each = 20, 30
		for client := range clients {
			r := rand.New(rand.NewPCG(seed, uint64(client)))
			go func() {
				defer func() { done <- struct{}{} }()
				for range each {
					time.Sleep(time.Duration(r.Int64N(int64(2 * ε))))
					g := gate{open: make(chan struct{})}
					var cancel context.CancelFunc
					g.Context, cancel = context.WithCancel(t.Context())
					time.AfterFunc(time.Duration(r.Int64N(int64(3*ε))), func() { close(g.open) })
					durable := func() error { time.Sleep(time.Duration(r.Int64N(int64(2 * ε)))); return nil }
					switch r.IntN(4) {
					case 0:
						_, _ = n.committer.Commit(g, nothing)
					case 1:
						_, _ = n.committer.CommitInOrder(g, entering(&order, nil, NotApplied(errors.New("conflict"))))
					case 2:
						time.AfterFunc(time.Duration(r.Int64N(int64(6*ε))), cancel)
						fallthrough
					default:
						_, _ = n.committer.CommitInOrder(g, entering(&order, durable, nil))
					}
					cancel()
				}
			}()
		}
		for range clients {
			<-done
		}
		for i := range order[1:] {
			require.True(t, order[i].Before(order[i+1]), "seed %d", seed)
		}
		require.Greater(t, len(order), clients*each/4, "seed %d", seed)
		require.Zero(t, n.committer.Stats().InFlight, "seed %d", seed)
	})
}

// TestCommitInOrder_BesideVotes: two transactions of different keys, each coordinated by the shard on which the other has a vote. If each
// waited for the other's vote to be carried out, which waits for the other's decision, neither would end.
func TestCommitInOrder_BesideVotes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newNode(t, 0, Options{}), newNode(t, 0, Options{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		voteAtB, err := b.committer.Prepare(ctx) // of transaction 1, which a coordinates
		require.NoError(t, err)
		voteAtA, err := a.committer.Prepare(ctx) // of transaction 2, which b coordinates
		require.NoError(t, err)
		began := time.Now()
		var both sync.WaitGroup
		coordinate := func(c *Committer, vote *Prepared) {
			ts, err := c.CommitInOrder(ctx, func(context.Context, hlc.Timestamp) (func() error, error) { return nil, nil }, vote.TS())
			if err != nil {
				t.Error(err)
				_ = vote.Abort()
				return
			}
			if err := vote.Commit(ctx, ts, nothing); err != nil {
				t.Error(err)
			}
		}
		both.Go(func() { coordinate(a.committer, voteAtB) })
		both.Go(func() { coordinate(b.committer, voteAtA) })
		both.Wait()
		require.Less(t, time.Since(began), time.Minute)
	})
}
