package lease

import (
	"context"
	"errors"
	"sync"
)

// ErrConflict is what a [Store] returns for a swap that certainly was not made, and never will be.
var ErrConflict = errors.New("lease: the record has changed")

// Store keeps the records of leases. Both calls are linearizable, and what it has said yes to it never forgets. They return when
// ctx ends, if not before: a lease is renewed, given back and waited for only as fast as they return. It is safe for concurrent use.
type Store interface {
	// Read returns the record, the zero one if there never was one.
	Read(ctx context.Context, name string) (Record, error)

	// CompareAndSwap makes the record next if it is old (the zero Record: if there is none). It returns nil if the
	// record is next now, by this call or by an earlier one that seemed to fail; ErrConflict if it is neither, and this call
	// has not changed it; and any other error if nobody knows: it may have happened, happen later, or never.
	CompareAndSwap(ctx context.Context, name string, old, next Record) error
}

// Memory is a store within one process, for tests and for programs that want their own parts to take turns. The zero value is ready to use.
type Memory struct {
	mu      sync.Mutex
	records map[string]Record
}

// Read never fails.
func (m *Memory) Read(_ context.Context, name string) (Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.records[name], nil
}

// CompareAndSwap returns nil or ErrConflict.
func (m *Memory) CompareAndSwap(_ context.Context, name string, old, next Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch m.records[name] {
	case next:
		return nil
	case old:
	default:
		return ErrConflict
	}
	if m.records == nil {
		m.records = map[string]Record{}
	}
	m.records[name] = next
	return nil
}
