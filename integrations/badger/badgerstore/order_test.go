package badgerstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// lagging has the safe time stand still: a commit is durable, and nobody makes it visible before resume.
func lagging(t *testing.T, s *Store) (resume func()) {
	t.Helper()
	p, err := s.committer.Assign(t.Context())
	require.NoError(t, err)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	err = p.Run(gone, func(context.Context, hlc.Timestamp) error { return nil })
	require.ErrorAs(t, err, new(*commitwait.NotYetVisibleError))
	return func() { require.NoError(t, p.Wait(t.Context())) }
}

// TestUpdate_DoesNotAnswerFromThePast, though it reads at a safe time that is behind: what it does not write, and what it refuses,
// is as fresh as what it writes.
func TestUpdate_DoesNotAnswerFromThePast(t *testing.T) {
	refused := errors.New("no")
	for name, answer := range map[string]func(txn *Txn, seen string) error{
		"that writes nothing": func(*Txn, string) error { return nil },
		"that writes":         func(txn *Txn, seen string) error { return set("copy", seen)(txn) },
		"that refuses":        func(*Txn, string) error { return refused },
	} {
		t.Run(name, func(t *testing.T) {
			s := covered(t, nil)
			put(t, s, "k", "old")
			resume := lagging(t, s)
			acknowledged := put(t, s, "k", "new")
			var seen []string
			ran := make(chan struct{}, 10)
			done := background(t, s, func(txn *Txn) error {
				k, err := read(txn, "k")
				if err != nil {
					return err
				}
				seen = append(seen, k)
				ran <- struct{}{}
				return answer(txn, k)
			})
			<-ran
			resume()
			got := <-done
			require.Equal(t, []string{"old", "new"}, seen, "%v misses what was acknowledged at %v before it began", got.ts, acknowledged)
			if name == "that refuses" {
				require.ErrorIs(t, got.err, refused)
				return
			}
			require.NoError(t, got.err)
			require.True(t, got.ts.After(acknowledged))
		})
	}
}

// TestUpdate_ALowerCommitIsNotMissed: it was assigned, and is held up while the higher one has read what it writes, and has passed.
func TestUpdate_ALowerCommitIsNotMissed(t *testing.T) {
	for name, look := range map[string]func(txn *Txn) (string, error){
		"by a key": func(txn *Txn) (string, error) { return read(txn, "k") },
		"by a scan": func(txn *Txn) (all string, err error) {
			err = txn.Scan([]byte("k"), func(_, value []byte) error { all += string(value); return nil })
			return all, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := held(t)
			release := start(t, s, set("k", "1"))
			done := background(t, s, func(txn *Txn) error {
				k, err := look(txn)
				return errors.Join(err, set("copy", "k="+k)(txn))
			})
			require.Eventually(t, func() bool { return s.committer.Stats().InFlight == 2 }, 10*time.Second, time.Millisecond)
			now, err := s.clock.Now()
			require.NoError(t, err)
			require.NoError(t, s.clock.WaitUntilAfter(t.Context(), now.Latest()))
			var higher result
			select {
			case higher = <-done:
				defer t.Error("it did not wait for the one below")
				done = nil
			case <-time.After(30 * time.Millisecond): // it waits for its turn
			}
			lower := release()
			if done != nil {
				higher = <-done
			}
			require.NoError(t, higher.err)
			require.True(t, lower.Before(higher.ts))
			_, copied := get(t, s, commitwait.At(higher.ts), "copy")
			require.Equal(t, "k=1", copied, "k was 1 at %v; the transaction at %v read it otherwise", lower, higher.ts)
			_, none := get(t, s, commitwait.At(lower), "copy")
			require.Empty(t, none)
		})
	}
}

// TestUpdate_WriteSkew: two are on call, each may leave while the other stays. They are read by name, or by who is there.
func TestUpdate_WriteSkew(t *testing.T) {
	count := map[string]func(*Txn) (int, error){
		"by key": func(txn *Txn) (n int, err error) {
			for _, name := range []string{"call-a", "call-b"} {
				value, err := read(txn, name)
				if err != nil {
					return 0, err
				}
				n += len(value)
			}
			return n, nil
		},
		"by scan": func(txn *Txn) (n int, err error) {
			err = txn.Scan([]byte("call-"), func(_, value []byte) error { n += len(value); return nil })
			return n, err
		},
	}
	for name, count := range count {
		t.Run(name, func(t *testing.T) {
			s := covered(t, nil)
			for range 20 {
				put(t, s, "call-a", "1")
				put(t, s, "call-b", "1")
				var both sync.WaitGroup
				both.Add(2)
				var work sync.WaitGroup
				for _, who := range []string{"call-a", "call-b"} {
					first := true
					work.Go(func() {
						_, err := s.Update(t.Context(), func(txn *Txn) error {
							n, err := count(txn)
							if first { // both have read before one of them writes
								first = false
								both.Done()
								both.Wait()
							}
							if n < 2 || err != nil {
								return err
							}
							return txn.Delete([]byte(who))
						})
						if err != nil {
							t.Error(err)
						}
					})
				}
				work.Wait()
				left := 0
				_, err := s.View(t.Context(), commitwait.Strong(), func(txn *Txn) (err error) { left, err = count(txn); return err })
				require.NoError(t, err)
				require.Equal(t, 1, left)
			}
		})
	}
}

// TestUpdate_APhantom: each adds a key if the prefix is empty. One must see the other's.
func TestUpdate_APhantom(t *testing.T) {
	s := covered(t, nil)
	for round := range 20 {
		prefix := fmt.Sprintf("room-%d-", round)
		var both, work sync.WaitGroup
		both.Add(2)
		for guest := range 2 {
			first := true
			work.Go(func() {
				_, err := s.Update(t.Context(), func(txn *Txn) error {
					guests := 0
					err := txn.Scan([]byte(prefix), func(_, _ []byte) error { guests++; return nil })
					if first {
						first = false
						both.Done()
						both.Wait()
					}
					if guests > 0 || err != nil {
						return err
					}
					return set(prefix+strconv.Itoa(guest), "")(txn)
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		work.Wait()
		guests := 0
		_, err := s.View(t.Context(), commitwait.Strong(), func(txn *Txn) error {
			return txn.Scan([]byte(prefix), func(_, _ []byte) error { guests++; return nil })
		})
		require.NoError(t, err)
		require.Equal(t, 1, guests)
	}
}

// TestUpdate_AConflictRunsAgain, and a transaction that gives up does nothing.
func TestUpdate_AConflictRunsAgain(t *testing.T) {
	s := covered(t, nil)
	const clients, each = 4, 10
	var work sync.WaitGroup
	for range clients {
		work.Go(func() {
			for range each {
				_, err := s.Update(t.Context(), func(txn *Txn) error {
					count, err := read(txn, "count")
					n, _ := strconv.Atoi(count)
					return errors.Join(err, set("count", strconv.Itoa(n+1))(txn))
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
	_, value := get(t, s, commitwait.Strong(), "count")
	require.Equal(t, strconv.Itoa(clients*each), value)
	require.Positive(t, s.Stats().Conflicts)

	why := errors.New("changed my mind")
	_, err := s.Update(t.Context(), func(txn *Txn) error { return errors.Join(set("count", "0")(txn), why) })
	require.ErrorIs(t, err, why)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	_, err = s.Update(ctx, set("count", "0"))
	require.ErrorIs(t, err, why)
	_, value = get(t, s, commitwait.Strong(), "count")
	require.Equal(t, strconv.Itoa(clients*each), value)
	require.Zero(t, s.Stats().InFlight)
}
