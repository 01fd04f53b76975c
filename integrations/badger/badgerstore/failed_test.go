package badgerstore

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// TestFailed_RefusesEverything, until it is opened again: after a write that nobody knows of, the truth is on the disk alone.
func TestFailed_RefusesEverything(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir, 0, Options{})
	put(t, s, "k", "a")
	lagging(t, s)
	last := s.Stats().Last
	waiting := make(chan error)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	go func() {
		_, err := s.View(ctx, commitwait.Strong(), func(*Txn) error { return nil })
		waiting <- err
	}()
	require.Eventually(t, func() bool { return s.Stats().Last.After(last) }, 10*time.Second, time.Millisecond, "it has its snapshot")
	broken := os.ErrDeadlineExceeded
	require.Equal(t, broken, s.outcome(broken))
	require.ErrorAs(t, <-waiting, new(*FailedError), "who waits is told")
	_, err := s.Update(t.Context(), set("k", "b"))
	var failed *FailedError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, broken, failed.Err)
	_, err = s.View(t.Context(), commitwait.Strong(), func(*Txn) error { return nil })
	require.ErrorIs(t, err, broken)
	require.ErrorIs(t, s.Discard(), broken)
	require.ErrorIs(t, s.admit(&Txn{}, hlc.Timestamp{WallTime: 1}), broken, "not even what has its timestamp")
	require.NoError(t, s.Close())

	s = opened(t, dir, 0, Options{})
	_, value := get(t, s, commitwait.Strong(), "k")
	require.Equal(t, "a", value)
}

// TestFailed_NothingIsAcknowledgedAfter a failed sync: what Badger got later lies behind it in the log, the next sync says yes, and after a power
// cut the log ends before both. Badger tells the later one first.
func TestFailed_NothingIsAcknowledgedAfter(t *testing.T) {
	broken := os.ErrDeadlineExceeded
	for _, x := range []struct {
		why   string
		write func(s *Store) error

		unknown bool // whether it was written
	}{
		{"a commit", func(s *Store) error {
			txn, err := s.begin(s.committer.SafeTime(), true)
			if err != nil {
				return err
			}
			defer txn.end()
			if err := txn.Set([]byte("k"), []byte("later")); err != nil {
				return err
			}
			_, err = s.committer.CommitInOrder(t.Context(), func(_ context.Context, ts hlc.Timestamp) (func() error, error) { return s.apply(txn, ts) })
			return err
		}, true},
		{"a mark", (*Store).Discard, false},
	} {
		t.Run(x.why, func(t *testing.T) {
			s := opened(t, t.TempDir(), 0, Options{History: 1})
			put(t, s, "k", "before")
			earlier := make(chan struct{}) // the outcome of a write that was handed over
			s.last = earlier
			done := make(chan error, 1)
			go func() { done <- x.write(s) }()
			require.Eventually(t, func() bool {
				s.handing.Lock()
				defer s.handing.Unlock()
				return s.last != earlier && len(s.writing) == 0
			}, 10*time.Second, time.Millisecond, "the later write is on the disk")
			require.Never(t, func() bool { return len(done) > 0 }, 50*time.Millisecond, time.Millisecond, "acknowledged before the earlier one")
			require.Equal(t, broken, s.outcome(broken))
			close(earlier)
			err := <-done
			var failed *FailedError
			require.ErrorAs(t, err, &failed)
			require.Equal(t, broken, failed.Err)
			require.Equal(t, x.unknown, errors.As(err, new(*commitwait.OutcomeUnknownError)))
		})
	}
}
