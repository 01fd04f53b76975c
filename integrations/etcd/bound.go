package main

import (
	"context"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// bound is what the next owner begins above. It is written ahead of the timestamps, so that one write serves all
// commits and reads of about half a window.
//
// It is also what makes a read right whose owner has lost the shard without knowing: a timestamp at or below the saved bound is below all that the
// next owner assigns, so that nothing can be missing there; and one above has to be covered first, which the fence refuses.
type bound struct {
	mu     sync.Mutex
	saved  hlc.Timestamp // in etcd, at least
	saving *saving       // under way, or nil
}

type saving struct {
	done chan struct{} // closed at its end
	err  error         // only to be read then
}

// cover is Options.Cover: it returns when the bound in etcd is at or above ts. A [*LostError] means that it never will be; after
// any other error another call may do.
func (o *Owner) cover(ctx context.Context, ts hlc.Timestamp) error {
	b := &o.bound
	for {
		b.mu.Lock()
		if b.saving == nil && ts.WallTime > b.saved.WallTime-int64(o.options.Window/2) {
			o.raise(hlc.Timestamp{WallTime: ts.WallTime + int64(o.options.Window)})
		}
		covered, saving := !ts.After(b.saved), b.saving
		b.mu.Unlock()
		if covered {
			return nil
		}
		select {
		case <-saving.done:
			if saving.err != nil {
				return saving.err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// raise begins to save a bound. The caller holds the mutex.
func (o *Owner) raise(to hlc.Timestamp) {
	s := &saving{done: make(chan struct{})}
	o.bound.saving = s
	if o.life.Err() != nil {
		s.err = commitwait.ErrClosed
		close(s.done)
		return
	}
	o.work.Go(func() {
		ctx, cancel := context.WithTimeout(o.life, 5*time.Second)
		defer cancel()
		saved, err := o.save(ctx, to)
		o.bound.mu.Lock()
		defer o.bound.mu.Unlock()
		if saved.After(o.bound.saved) {
			o.bound.saved = saved
		}
		o.bound.saving, s.err = nil, err
		close(s.done)
	})
}

// save raises the bound in etcd, if this node owns the shard, and returns what it is then. It is compared with what is there, and the binary form
// sorts as time does: one that was thought lost and arrives late does not lower it.
func (o *Owner) save(ctx context.Context, to hlc.Timestamp) (hlc.Timestamp, error) {
	value, err := to.MarshalBinary()
	if err != nil {
		return hlc.Timestamp{}, err
	}
	done, err := o.client.Txn(ctx).If(o.fenced(clientv3.Compare(clientv3.Value(o.layout.bound()), "<", string(value)))...).
		Then(clientv3.OpPut(o.layout.bound(), string(value))).
		Else(clientv3.OpGet(o.key), clientv3.OpGet(o.layout.bound())).Commit()
	switch {
	case err != nil:
		return hlc.Timestamp{}, err
	case done.Succeeded:
		return to, nil
	}
	owner, there := done.Responses[0].GetResponseRange().Kvs, done.Responses[1].GetResponseRange().Kvs
	if !o.options.Broken.Fence && (len(owner) == 0 || owner[0].CreateRevision != o.revision) || len(there) == 0 {
		return hlc.Timestamp{}, o.lost()
	}
	return hlc.ParseBinary(there[0].Value)
}
