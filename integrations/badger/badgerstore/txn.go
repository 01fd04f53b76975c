package badgerstore

import (
	"bytes"
	"strings"

	"github.com/dgraph-io/badger/v4"

	"github.com/trueclock/trueclock/hlc"
)

// Txn is a transaction of View or Update. It ends with the function that it was given to, and is not safe for concurrent use.
type Txn struct {
	txn      *badger.Txn
	ts       hlc.Timestamp
	update   bool
	scanning bool
	ended    bool

	reads    map[string]bool // keys that were read and not written before
	prefixes []string        // that were scanned
	writes   []string
	written  map[string]bool // the keys of writes
}

// reserved begins the store's own keys.
const reserved = "!badgerstore!"

func (s *Store) begin(ts hlc.Timestamp, update bool) (*Txn, error) {
	version, err := layout.Pack(ts)
	if err != nil {
		return nil, err
	}
	return &Txn{
		txn: s.db.NewTransactionAt(version, update), ts: ts, update: update,
		reads: map[string]bool{}, written: map[string]bool{},
	}, nil
}

func (t *Txn) end() {
	t.ended = true
	t.txn.Discard()
}

// Get returns the value of a key, or [ErrNotFound]. The transaction sees its own writes. Other errors: those of Badger.
func (t *Txn) Get(key []byte) ([]byte, error) {
	if bytes.HasPrefix(key, []byte(reserved)) {
		return nil, ErrReserved
	}
	if t.update && !t.written[string(key)] {
		t.reads[string(key)] = true
	}
	item, err := t.txn.Get(key)
	if err != nil {
		return nil, err
	}
	return item.ValueCopy(nil)
}

// MaxValue is how many bytes a value has at most. Badger keeps longer ones in a second log, whose failed syncs it does not report.
const MaxValue = 1<<20 - 1

// Set writes a value. Errors: [ErrReserved]; [ErrTooLong]; [ErrScanning]; those of Badger, above all badger.ErrTxnTooBig and, in a View, badger.ErrReadOnlyTxn.
func (t *Txn) Set(key, value []byte) error {
	if len(value) > MaxValue {
		return ErrTooLong
	}
	return t.write(key, func(key []byte) error { return t.txn.Set(key, bytes.Clone(value)) })
}

// Delete removes a key. Errors as in Set.
func (t *Txn) Delete(key []byte) error { return t.write(key, t.txn.Delete) }

func (t *Txn) write(key []byte, write func(key []byte) error) error {
	switch {
	case bytes.HasPrefix(key, []byte(reserved)):
		return ErrReserved
	case t.scanning && t.update:
		return ErrScanning
	}
	if err := write(bytes.Clone(key)); err != nil { // Badger keeps it
		return err
	}
	if !t.written[string(key)] {
		t.written[string(key)] = true
		t.writes = append(t.writes, string(key))
	}
	return nil
}

// Scan calls each with all keys that begin with prefix, in their order, and their values, and ends with the first error of that. An Update
// has then read the whole prefix, the keys that are not there too, and conflicts with any that appears. key and value
// are each's to keep. Errors: [ErrScanning] for an Update within each of its own Scan; those of Badger.
func (t *Txn) Scan(prefix []byte, each func(key, value []byte) error) error {
	if t.ended {
		return badger.ErrDiscardedTxn // Badger would panic
	}
	if t.update {
		if t.scanning {
			return ErrScanning
		}
		t.scanning = true
		defer func() { t.scanning = false }()
		t.prefixes = append(t.prefixes, string(prefix))
	}
	options := badger.DefaultIteratorOptions
	options.Prefix = bytes.Clone(prefix)
	items := t.txn.NewIterator(options)
	defer items.Close()
	for items.Rewind(); items.Valid(); items.Next() {
		key := items.Item().KeyCopy(nil)
		if strings.HasPrefix(string(key), reserved) {
			continue
		}
		value, err := items.Item().ValueCopy(nil)
		if err != nil {
			return err
		}
		if err := each(key, value); err != nil {
			return err
		}
	}
	return nil
}
