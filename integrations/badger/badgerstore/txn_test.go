package badgerstore

import (
	"errors"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime/commitwait"
)

// keys lists what begins with prefix.
func keys(t *testing.T, txn *Txn, prefix string) (all []string) {
	t.Helper()
	require.NoError(t, txn.Scan([]byte(prefix), func(key, _ []byte) error { all = append(all, string(key)); return nil }))
	return all
}

// TestTxn_SeesItsOwnWrites, by key and by scan, and does not conflict with them.
func TestTxn_SeesItsOwnWrites(t *testing.T) {
	s := opened(t, t.TempDir(), 0, Options{})
	put(t, s, "b", "old")
	runs := 0
	_, err := s.Update(t.Context(), func(txn *Txn) error {
		runs++
		name := []byte("a")
		require.NoError(t, txn.Set(name, []byte("1")))
		name[0] = 'x' // it is the caller's
		value, err := read(txn, "a")
		require.NoError(t, err)
		require.Equal(t, "1", value)
		require.Equal(t, []string{"a", "b"}, keys(t, txn, ""))
		require.NoError(t, txn.Delete([]byte("b")))
		require.NoError(t, txn.Set([]byte("b1"), nil))
		require.Equal(t, []string{"b1"}, keys(t, txn, "b"))
		_, err = txn.Get([]byte("b"))
		require.ErrorIs(t, err, ErrNotFound)
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, 1, runs)
}

// TestTxn_AnEmptyValueIsAValue, after a compaction too.
func TestTxn_AnEmptyValueIsAValue(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir, 0, Options{})
	put(t, s, "k", "")
	for range 2 {
		_, err := s.View(t.Context(), commitwait.Strong(), func(txn *Txn) error {
			value, err := txn.Get([]byte("k"))
			require.Empty(t, value)
			require.Equal(t, []string{"k"}, keys(t, txn, ""))
			return err
		})
		require.NoError(t, err)
		require.NoError(t, s.Close())
		settle(t, dir)
		s = opened(t, dir, 0, Options{})
	}
}

// TestTxn_Refuses what would break the rest.
func TestTxn_Refuses(t *testing.T) {
	s := opened(t, t.TempDir(), 0, Options{History: 1})
	put(t, s, "k", "a")
	require.NoError(t, s.Discard())
	var late *Txn
	_, err := s.Update(t.Context(), func(txn *Txn) error {
		late = txn
		require.ErrorIs(t, txn.Set(mark, nil), ErrReserved)
		require.ErrorIs(t, txn.Delete(mark), ErrReserved)
		_, err := txn.Get(mark)
		require.ErrorIs(t, err, ErrReserved)
		require.Equal(t, []string{"k"}, keys(t, txn, ""), "and it does not show")
		require.ErrorIs(t, txn.Set([]byte("k"), make([]byte, MaxValue+1)), ErrTooLong)
		require.NoError(t, txn.Set([]byte("k"), make([]byte, MaxValue)))
		require.ErrorIs(t, txn.Set(nil, nil), badger.ErrEmptyKey)
		stop := errors.New("stop")
		err = txn.Scan(nil, func(_, _ []byte) error {
			require.ErrorIs(t, txn.Scan(nil, nil), ErrScanning)
			require.ErrorIs(t, txn.Set([]byte("k"), nil), ErrScanning)
			return stop
		})
		require.ErrorIs(t, err, stop)
		return txn.Delete([]byte("k"))
	})
	require.NoError(t, err)
	_, err = late.Get([]byte("k"))
	require.ErrorIs(t, err, badger.ErrDiscardedTxn)
	require.ErrorIs(t, late.Scan(nil, nil), badger.ErrDiscardedTxn)
	require.ErrorIs(t, late.Set([]byte("k"), nil), badger.ErrDiscardedTxn)
	_, err = s.View(t.Context(), commitwait.Strong(), func(txn *Txn) error {
		require.Empty(t, keys(t, txn, ""))
		require.ErrorIs(t, txn.Set([]byte("k"), nil), badger.ErrReadOnlyTxn)
		return txn.Scan(nil, func(_, _ []byte) error { return nil })
	})
	require.NoError(t, err)
}
