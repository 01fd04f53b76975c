// Package leasestore keeps the records of package truetime/lease in etcd: one key for each lease, whose value is the record as text.
//
//	guard, err := lease.Acquire(ctx, clock, leasestore.New(client, "leases/"), "orders", lease.Options{Holder: "node-1"})
//
// etcd's own leases are not used: they end by the clocks of its members and by when a leader was elected, which says nothing of when a holder
// must stop. Here etcd compares and swaps, and the clocks of those who hold leases decide, so that etcd may be slow, stopped or without a leader for as
// long as it likes: then leases end, and nobody gets one.
//
// HAZARD: an etcd that was restored from a backup has forgotten grants. Leases may then overlap until those of before have ended. Their tokens
// still rise (lease.Record).
package leasestore

import (
	"context"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/trueclock/trueclock/truetime/lease"
)

// Store is a lease.Store in etcd. Its reads and swaps are linearizable, as all of etcd's are unless they are asked not to be.
type Store struct {
	kv     clientv3.KV
	prefix string
}

// New returns a store whose keys are prefix and the name of the lease.
func New(kv clientv3.KV, prefix string) *Store { return &Store{kv: kv, prefix: prefix} }

// Read returns the record under the lease's key. Errors: those of etcd; a [*lease.ParseError] for what is none.
func (s *Store) Read(ctx context.Context, name string) (lease.Record, error) {
	found, err := s.kv.Get(ctx, s.prefix+name)
	if err != nil || len(found.Kvs) == 0 {
		return lease.Record{}, err
	}
	record, err := lease.ParseRecord(string(found.Kvs[0].Value))
	if err != nil {
		return lease.Record{}, fmt.Errorf("leasestore: %s: %w", s.prefix+name, err)
	}
	return record, nil
}

// CompareAndSwap is one transaction. What etcd has not answered may have happened, or may yet.
func (s *Store) CompareAndSwap(ctx context.Context, name string, old, next lease.Record) error {
	key, value := s.prefix+name, next.String()
	is := clientv3.Compare(clientv3.Value(key), "=", old.String())
	if old == (lease.Record{}) {
		is = clientv3.Compare(clientv3.CreateRevision(key), "=", 0)
	}
	done, err := s.kv.Txn(ctx).If(is).Then(clientv3.OpPut(key, value)).Else(clientv3.OpGet(key)).Commit()
	if err != nil || done.Succeeded {
		return err
	}
	if found := done.Responses[0].GetResponseRange().Kvs; len(found) > 0 && string(found[0].Value) == value {
		return nil // an earlier call, whose answer was lost
	}
	return lease.ErrConflict
}
