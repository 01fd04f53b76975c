package badgerstore

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// refused reads at ts, and demands that it is too old.
func refused(t *testing.T, s *Store, ts, oldest hlc.Timestamp) {
	t.Helper()
	_, err := s.View(t.Context(), commitwait.At(ts), func(*Txn) error { t.Error("read"); return nil })
	var old *TooOldError
	require.ErrorAs(t, err, &old)
	require.Equal(t, TooOldError{TS: ts, Oldest: oldest}, *old)
}

// settle moves all that is in the database of a closed store to its lowest level, and drops nothing; what is written then is above it, and
// Flatten has something to do.
func settle(t *testing.T, dir string) {
	t.Helper()
	db, err := badger.OpenManaged(badger.DefaultOptions(filepath.Join(dir, "data")).WithCompactL0OnClose(true).WithLogger(nil))
	require.NoError(t, err)
	require.NoError(t, db.Close())
}

// versions counts the versions of a key that are there.
func versions(t *testing.T, s *Store, key string) (n int) {
	t.Helper()
	txn := s.db.NewTransactionAt(1<<63, false)
	defer txn.Discard()
	items := txn.NewKeyIterator([]byte(key), badger.IteratorOptions{})
	defer items.Close()
	for items.Rewind(); items.Valid(); items.Next() {
		n++
	}
	return n
}

// TestDiscard_DropsWhatNobodyCanRead, and nothing else; and what was refused stays so after a restart.
func TestDiscard_DropsWhatNobodyCanRead(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir, 0, Options{})
	var commits []hlc.Timestamp
	for i := range 9 {
		commits = append(commits, put(t, s, "k", strconv.Itoa(i)))
	}
	require.NoError(t, s.Close())
	settle(t, dir)
	s = opened(t, dir, 0, Options{})
	commits = append(commits, put(t, s, "k", "9"))
	require.NoError(t, s.Close())
	first, middle := commits[0], commits[4]

	s = opened(t, dir, 0, Options{History: 1})
	_, value := get(t, s, commitwait.At(first), "k")
	require.Equal(t, "0", value)
	require.Equal(t, 10, versions(t, s, "k"))
	_, err := s.View(t.Context(), commitwait.At(middle), func(*Txn) error { return s.Discard() })
	require.NoError(t, err)
	require.Equal(t, middle, s.Stats().Oldest, "an open read holds it up")
	require.NoError(t, s.db.Flatten(1))
	check := func() {
		require.Equal(t, 6, versions(t, s, "k"))
		refused(t, s, first, middle)
		for i, ts := range commits[4:] {
			_, value := get(t, s, commitwait.At(ts), "k")
			require.Equal(t, strconv.Itoa(4+i), value)
		}
	}
	check()
	require.NoError(t, s.Close())

	s = opened(t, dir, 0, Options{})
	require.Equal(t, middle, s.Stats().Oldest)
	check()
	require.NoError(t, s.Discard())
	require.Equal(t, middle, s.Stats().Oldest, "a minute of history is kept")
}

// TestHold_AnUpdateThatComesTooLate to be told of its conflicts begins anew, and does not fail.
func TestHold_AnUpdateThatComesTooLate(t *testing.T) {
	s := opened(t, t.TempDir(), 0, Options{})
	ts := put(t, s, "k", "a")
	s.conflicts.forget(ts)
	require.Equal(t, &conflictError{with: ts}, s.hold(ago(ts, time.Second), true))
	require.NoError(t, s.hold(ago(ts, time.Second), false), "a View needs no conflicts")
}

// TestDiscard_TheMarkComesFirst: what a crash leaves between the mark and the dropping, and between two marks.
func TestDiscard_TheMarkComesFirst(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir, 0, Options{History: 1, Unsynced: true})
	put(t, s, "k", "a")
	require.NoError(t, s.Discard())
	once := s.Stats().Oldest
	put(t, s, "k", "b")
	require.NoError(t, s.Discard())
	require.True(t, s.Stats().Oldest.After(once), "it only rises")
	marked, err := readMark(s.db)
	require.NoError(t, err)
	require.Equal(t, s.Stats().Oldest, marked)
	put(t, s, "k", "c")
	version, err := s.raiseDiscarded() // and the machine stops before the mark is written: nothing was dropped, either
	require.NoError(t, err)
	require.NotZero(t, version)
	marked, err = readMark(s.db)
	require.NoError(t, err)
	require.True(t, marked.Before(s.Stats().Oldest))
}

// TestDiscard_WhileOthersWork: what is read is right or refused, however short the history is.
func TestDiscard_WhileOthersWork(t *testing.T) {
	s := opened(t, t.TempDir(), 0, Options{History: 3 * time.Millisecond, Unsynced: true})
	var work sync.WaitGroup
	var right, refused atomic.Int64
	for client := range 4 {
		work.Go(func() {
			key, last := fmt.Sprint("k-", client), hlc.Timestamp{}
			for i := range 100 {
				var seen string
				ts, err := s.Update(t.Context(), set(key, strconv.Itoa(i)))
				if err == nil {
					err = s.Discard()
					last = ts
				}
				if err == nil {
					_, err = s.View(t.Context(), commitwait.At(last), func(txn *Txn) (err error) { seen, err = read(txn, key); return err })
				}
				switch {
				case errors.As(err, new(*TooOldError)):
					refused.Add(1)
				case err != nil || seen != strconv.Itoa(i):
					t.Errorf("%q instead of %d: %v", seen, i, err)
				default:
					right.Add(1)
				}
			}
		})
	}
	work.Wait()
	require.Positive(t, right.Load())
	t.Logf("%d right, %d refused", right.Load(), refused.Load())
}

// TestConflicts_AreForgotten: what is remembered follows the transactions that run, with or without Discard.
func TestConflicts_AreForgotten(t *testing.T) {
	s := opened(t, t.TempDir(), 0, Options{Unsynced: true})
	many := func() {
		var work sync.WaitGroup
		for client := range 16 {
			work.Go(func() {
				for i := range 50 {
					put(t, s, fmt.Sprintf("k-%d-%d", client, i), "x")
				}
			})
		}
		work.Wait()
	}
	many()
	require.Less(t, s.Stats().Remembered, 2*leastCommits, "of 800")
	require.Less(t, len(s.conflicts.last), 2*leastCommits)

	reading := false
	_, err := s.Update(t.Context(), func(txn *Txn) error {
		if reading {
			return nil
		}
		reading = true
		many()
		require.GreaterOrEqual(t, s.Stats().Remembered, 800, "a transaction that runs may have read what was written")
		_, err := read(txn, "k-0-0")
		return err
	})
	require.NoError(t, err)
	many()
	require.Less(t, s.Stats().Remembered, 2*leastCommits)

	s.history = 500 * time.Millisecond
	_, err = s.Update(t.Context(), func(txn *Txn) error {
		for began := time.Now(); time.Since(began) < 2*s.history; {
			many()
		}
		_, err := read(txn, "none")
		return err
	})
	require.ErrorAs(t, err, new(*TooOldError), "no transaction is waited for beyond the history")
}
