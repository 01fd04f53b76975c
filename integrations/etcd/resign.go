package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// entrance counts the commits that are under way, for Resign.
type entrance struct {
	mu     sync.Mutex
	inside int
	idle   chan struct{} // made by Resign, after which nobody enters; closed when nobody is inside
}

func (e *entrance) enter() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.idle == nil {
		e.inside++
	}
	return e.idle == nil
}

func (e *entrance) leave() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.inside--; e.inside == 0 && e.idle != nil {
		close(e.idle)
	}
}

// shut lets nobody in any more, and returns a channel that is closed when all have left.
func (e *entrance) shut() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.idle == nil {
		if e.idle = make(chan struct{}); e.inside == 0 {
			close(e.idle)
		}
	}
	return e.idle
}

func (e *entrance) left() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.inside
}

// CutShortError reports that the context of Resign ended before the commits that were under way. Their own errors say what
// became of them: none that had not begun to write will.
type CutShortError struct {
	Shard   string
	Commits int // that were under way then
	Cause   error
}

func (e *CutShortError) Error() string {
	return fmt.Sprintf("etcd: the ownership of %q ends with %d commits under way: %v", e.Shard, e.Commits, e.Cause)
}

func (e *CutShortError) Unwrap() error { return e.Cause }

// Resign waits for the commits that are under way, and gives the shard to the next. The bound it leaves is the last timestamp of all, so
// that the next need not wait for it. If ctx ends first, it returns a [*CutShortError], and those commits end at once, as Put says: only an
// Update whose change does not return goes on, and writes nothing. It returns a [*LostError] if the shard was no longer its own; after any
// error the lease is given back if etcd answers in time, or else runs out, and the next owner waits for the bound.
func (o *Owner) Resign(ctx context.Context) error {
	idle := o.entrance.shut()
	select {
	case <-idle:
	case <-ctx.Done():
	}
	left := o.entrance.left()
	// Life ends before the Committer: who is given the lock of a commit that is not visible is to know why.
	o.bound.mu.Lock()
	o.end() // after which no bound is raised
	o.bound.mu.Unlock()
	err := o.committer.Close()
	if left > 0 {
		err = errors.Join(err, &CutShortError{Shard: o.layout.shard, Commits: left, Cause: context.Cause(ctx)})
	} else {
		o.work.Wait()
	}
	// One transaction: whatever of ours is still on its way finds the ownership over, and the bound is not raised again.
	last, failed := o.committer.Stats().Last.MarshalBinary()
	if err = errors.Join(err, failed); err == nil {
		var done *clientv3.TxnResponse
		done, err = o.client.Txn(ctx).If(o.owns()).
			Then(clientv3.OpPut(o.layout.bound(), string(last)), clientv3.OpDelete(o.key)).Commit()
		if err == nil && !done.Succeeded {
			err = o.lost()
		}
	}
	o.release(ctx)
	return err
}

// release gives the lease back, and with it the candidate's key. It does not wait for that longer than ctx.
func (o *Owner) release(ctx context.Context) {
	o.session.Orphan()
	revoked := make(chan struct{})
	go func() {
		defer close(revoked)
		ctx, cancel := context.WithTimeout(context.Background(), o.options.TTL)
		defer cancel()
		_, _ = o.client.Revoke(ctx, o.session.Lease()) // or it runs out, in as long
	}()
	select {
	case <-revoked:
	case <-ctx.Done():
	}
}
