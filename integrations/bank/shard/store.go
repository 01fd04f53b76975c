package shard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/integrations/bank/wire"
)

// layout is how timestamps become Badger's versions. It is the same on all shards: a commit timestamp must fit everywhere.
func layout() hlc.Layout { return hlc.Kudu() }

// store is what a shard keeps: accounts by commit timestamp, and the records of two-phase commit.
//
//	account-7                     an Entry                    at its commit timestamp
//	vote-42                       a voteRecord                from the vote until the decision is carried out
//	committed-42                  the commit timestamp        the decision of this coordinator, together with its own accounts
//	aborted-42                    true                        this coordinator has decided so, or told somebody so
//	told-42                       true                        the decision was carried out: this shard does not vote for it again
//
// Badger is in managed mode: versions are timestamps. Its conflict detection is off, since locks isolate, and would
// remember every transaction. Two transactions of one shard may have one timestamp, by different coordinators; they
// hold different locks, so their keys are different, and Badger keeps both (TestStore_TwoTransactionsAtOneVersion). The versions
// of one account rise: who has its lock votes above whatever was committed before. Nothing is ever forgotten: a run is short.
type store struct{ db *badger.DB }

// openStore opens the store of a directory that is this process's alone.
func openStore(dir string) (*store, error) {
	if err := removeEmpty(dir); err != nil {
		return nil, err
	}
	o := badger.DefaultOptions(dir).WithSyncWrites(true).WithNumVersionsToKeep(math.MaxInt).WithDetectConflicts(false).WithLogger(nil).
		WithMemTableSize(16 << 20).WithBlockCacheSize(8 << 20).WithNumCompactors(2)
	db, err := badger.OpenManaged(o)
	if err != nil {
		return nil, err
	}
	return &store{db}, nil
}

// removeEmpty removes what a kill leaves when it comes between the creation of a file and its first byte, or when Badger has emptied a file
// whose content is elsewhere and is about to remove it. Badger does not open if it finds one (github.com/dgraph-io/badger/issues/2207).
func removeEmpty(dir string) error {
	for _, pattern := range []string{"*.mem", "*.vlog"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		for _, file := range files {
			if info, err := os.Stat(file); err != nil || info.Size() > 0 {
				continue // what cannot be looked at is Badger's to report
			}
			if err := os.Remove(file); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *store) close() error { return s.db.Close() }

// Versions of records. Nobody reads them at a timestamp, so they lie below all, and the end of a record above its beginning.
const (
	recorded  uint64 = 1
	discarded uint64 = 2
	newest    uint64 = math.MaxUint64
)

func accountKey(account int) []byte { return fmt.Appendf(nil, "account-%06d", account) }

const votes = "vote-"

func voteKey(tx int64) []byte      { return fmt.Appendf(nil, "%s%d", votes, tx) }
func committedKey(tx int64) []byte { return fmt.Appendf(nil, "committed-%d", tx) }
func abortedKey(tx int64) []byte   { return fmt.Appendf(nil, "aborted-%d", tx) }
func toldKey(tx int64) []byte      { return fmt.Appendf(nil, "told-%d", tx) }

// change is one key of a write. A nil value deletes it.
type change struct {
	key   []byte
	value any
}

// write writes all changes or none, durably, at one version.
func (s *store) write(version uint64, changes ...change) error {
	txn := s.db.NewTransactionAt(newest, true)
	defer txn.Discard()
	for _, c := range changes {
		if c.value == nil {
			if err := txn.Delete(c.key); err != nil {
				return err
			}
			continue
		}
		text, err := json.Marshal(c.value)
		if err != nil {
			return err
		}
		if err := txn.Set(c.key, text); err != nil {
			return err
		}
	}
	return txn.CommitAt(version, nil)
}

// puts are the changes of accounts.
func puts(entries wire.Entries) (changes []change) {
	for account, entry := range entries {
		changes = append(changes, change{accountKey(account), entry})
	}
	return changes
}

// ended are the changes that end a vote. A second vote would lie below the end of the first, where a restart does not find it: there must be none.
func ended(tx int64) []change {
	return []change{{key: voteKey(tx)}, {toldKey(tx), true}}
}

// get reads a key into value, and says if it is there.
func (s *store) get(key []byte, version uint64, value any) (found bool, err error) {
	txn := s.db.NewTransactionAt(version, false)
	defer txn.Discard()
	item, err := txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, item.Value(func(text []byte) error { return json.Unmarshal(text, value) })
}

// read returns the accounts at a version. Those that do not exist yet are absent.
func (s *store) read(accounts []int, version uint64) (wire.Entries, error) {
	entries := wire.Entries{}
	for _, account := range accounts {
		var e wire.Entry
		found, err := s.get(accountKey(account), version, &e)
		if err != nil {
			return nil, err
		}
		if found {
			entries[account] = e
		}
	}
	return entries, nil
}

// each calls do with every key of a prefix, the newest version of it alone or all, and with its value.
func (s *store) each(prefix string, version uint64, all bool, do func(key []byte, version uint64, text []byte) error) error {
	txn := s.db.NewTransactionAt(version, false)
	defer txn.Discard()
	o := badger.DefaultIteratorOptions
	o.Prefix, o.AllVersions = []byte(prefix), all
	it := txn.NewIterator(o)
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		item := it.Item()
		text, err := item.ValueCopy(nil)
		if err != nil {
			return err
		}
		if err := do(bytes.Clone(item.Key()), item.Version(), text); err != nil {
			return err
		}
	}
	return nil
}

// accounts lists the accounts that exist.
func (s *store) accounts() (list []int, err error) {
	err = s.each("account-", newest, false, func(key []byte, _ uint64, _ []byte) error {
		var account int
		_, err := fmt.Sscanf(string(key), "account-%d", &account)
		list = append(list, account)
		return err
	})
	return list, err
}

// versions returns the past of all accounts up to a version.
func (s *store) versions(version uint64) (wire.Versions, error) {
	past := wire.Versions{}
	err := s.each("account-", version, true, func(key []byte, at uint64, text []byte) error {
		var account int
		var v wire.Version
		if _, err := fmt.Sscanf(string(key), "account-%d", &account); err != nil {
			return err
		}
		if err := json.Unmarshal(text, &v.Entry); err != nil {
			return err
		}
		ts, err := layout().Unpack(at)
		v.TS = ts
		past[account] = append(past[account], v)
		return err
	})
	for _, list := range past {
		slices.Reverse(list) // Badger begins with the newest
	}
	return past, err
}
