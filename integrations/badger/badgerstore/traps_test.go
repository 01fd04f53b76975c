package badgerstore

import (
	"errors"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"
	"github.com/stretchr/testify/require"
)

// bare is Badger in managed mode, as it comes: why a Store is needed.
func bare(t *testing.T) *badger.DB {
	db, err := badger.OpenManaged(badger.DefaultOptions(t.TempDir()).WithLogger(nil))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// commitBare writes k.
func commitBare(t *testing.T, db *badger.DB, value string, at uint64) {
	txn := db.NewTransactionAt(at, true)
	defer txn.Discard()
	require.NoError(t, txn.Set([]byte("k"), []byte(value)))
	require.NoError(t, txn.CommitAt(at, nil))
}

// readBare reads k.
func readBare(t *testing.T, txn *badger.Txn) (value string) {
	item, err := txn.Get([]byte("k"))
	if errors.Is(err, badger.ErrKeyNotFound) {
		return ""
	}
	require.NoError(t, err)
	require.NoError(t, item.Value(func(b []byte) error { value = string(b); return nil }))
	return value
}

func readBareAt(t *testing.T, db *badger.DB, at uint64) string {
	txn := db.NewTransactionAt(at, false)
	defer txn.Discard()
	return readBare(t, txn)
}

// TestManagedMode_ACommitChangesThePast: below what was read, and at a version that there is.
func TestManagedMode_ACommitChangesThePast(t *testing.T) {
	db := bare(t)
	commitBare(t, db, "a", 100)
	require.Equal(t, "a", readBareAt(t, db, 200))
	commitBare(t, db, "b", 150)
	require.Equal(t, "b", readBareAt(t, db, 200), "a commit below a read changed what was read")
	commitBare(t, db, "c", 150)
	require.Equal(t, "c", readBareAt(t, db, 200), "a second commit at one version took the place of the first")
}

// TestManagedMode_WhatItsConflictDetectionMisses: three transactions that read and are not told that it has changed.
func TestManagedMode_WhatItsConflictDetectionMisses(t *testing.T) {
	db := bare(t)
	t.Run("a lower one that is applied later", func(t *testing.T) {
		txn := db.NewTransactionAt(100, true)
		require.Empty(t, readBare(t, txn))
		require.NoError(t, txn.Set([]byte("copy"), nil))
		require.NoError(t, txn.CommitAt(120, nil))
		commitBare(t, db, "x", 110)
	})
	t.Run("any, for a transaction that writes nothing", func(t *testing.T) {
		txn := db.NewTransactionAt(100, true)
		require.Empty(t, readBare(t, txn))
		commitBare(t, db, "y", 130)
		require.NoError(t, txn.CommitAt(140, nil))
	})
	t.Run("a key that appears where it iterated", func(t *testing.T) {
		txn := db.NewTransactionAt(105, true)
		items := txn.NewIterator(badger.IteratorOptions{Prefix: []byte("k")})
		for items.Rewind(); items.Valid(); items.Next() {
			t.Errorf("%s is there", items.Item().Key())
		}
		items.Close()
		commitBare(t, db, "z", 150)
		require.NoError(t, txn.Set([]byte("none"), nil))
		require.NoError(t, txn.CommitAt(160, nil))
	})
}

// TestManagedMode_ReadsBelowTheDiscardTimestampAreAnswered wrongly, once Badger has dropped something.
func TestManagedMode_ReadsBelowTheDiscardTimestampAreAnswered(t *testing.T) {
	options := badger.DefaultOptions(t.TempDir()).WithLogger(nil).WithCompactL0OnClose(true)
	db, err := badger.OpenManaged(options)
	require.NoError(t, err)
	commitBare(t, db, "a", 100)
	commitBare(t, db, "b", 200)
	db.SetDiscardTs(300)
	require.Equal(t, "a", readBareAt(t, db, 150))
	require.NoError(t, db.Close())
	db, err = badger.OpenManaged(options)
	require.NoError(t, err)
	defer db.Close()
	require.Empty(t, readBareAt(t, db, 150), "a moment ago it was there")
	require.Equal(t, "b", readBareAt(t, db, 300))
}

// TestManagedMode_ATimeToLiveChangesASnapshot, by the clock of the machine.
func TestManagedMode_ATimeToLiveChangesASnapshot(t *testing.T) {
	db := bare(t)
	txn := db.NewTransactionAt(100, true)
	entry := badger.NewEntry([]byte("k"), []byte("a"))
	entry.ExpiresAt = uint64(time.Now().Unix()) + 1
	require.NoError(t, txn.SetEntry(entry))
	require.NoError(t, txn.CommitAt(100, nil))
	require.Eventually(t, func() bool { return readBareAt(t, db, 200) == "" }, 10*time.Second, 10*time.Millisecond)
}
