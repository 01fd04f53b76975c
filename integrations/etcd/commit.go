package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// Commit is where a commit stands: in the order of real time, and in etcd's.
type Commit struct {
	TS       hlc.Timestamp
	Revision int64
}

// Put writes all values in one commit and returns when it may be acknowledged: when it is replicated and its timestamp has certainly
// passed, for which it waits side by side. It comes after every floor.
//
// Errors: those of Committer.Assign, after which nothing was written; a [*commitwait.ApplyError] if it certainly was not and never will
// be, around a [*LostError] if somebody else owns the shard; a [*commitwait.OutcomeUnknownError] if ctx ended before anybody knew: the owner
// goes on asking, and serves no snapshot from there on until it knows; a [*commitwait.NotYetVisibleError] if it IS
// committed, and ctx ended before its time had come.
func (o *Owner) Put(ctx context.Context, values map[string]string, floors ...hlc.Timestamp) (Commit, error) {
	if !o.entrance.enter() {
		return Commit{}, commitwait.ErrClosed
	}
	defer o.entrance.leave()
	unlock, err := o.lock(ctx, slices.Collect(maps.Keys(values)))
	if err != nil {
		return Commit{}, err
	}
	return o.commit(ctx, values, floors, unlock)
}

// Update reads keys, and commits what change makes of them; nobody else writes them in between. An error of change ends it with
// nothing written, and so does a value of another key: what it saw then was acknowledged, or might have been, and was the newest. Errors
// otherwise as in Put, and a [*LostError] if somebody else owns the shard.
func (o *Owner) Update(ctx context.Context, keys []string, change func(map[string]Version) (map[string]string, error), floors ...hlc.Timestamp) (Commit, error) {
	if !o.entrance.enter() {
		return Commit{}, commitwait.ErrClosed
	}
	defer o.entrance.leave()
	unlock, err := o.lock(ctx, keys)
	if err != nil {
		return Commit{}, err
	}
	committing := false
	defer func() {
		if !committing { // or change has panicked
			unlock()
		}
	}()
	values, err := o.changed(ctx, keys, change)
	if err != nil {
		return Commit{}, err
	}
	committing = true
	return o.commit(ctx, values, floors, unlock)
}

// lock locks keys, while the owner lives.
func (o *Owner) lock(ctx context.Context, keys []string) (unlock func(), err error) {
	ctx, stop := o.whileItLives(ctx)
	defer stop()
	return o.locks.acquire(ctx, keys)
}

// whileItLives is ctx, which ends with ErrClosed when Resign waits no longer.
func (o *Owner) whileItLives(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	detach := context.AfterFunc(o.life, func() { cancel(commitwait.ErrClosed) })
	return ctx, func() {
		detach()
		cancel(nil)
	}
}

// changed reads what is locked. The newest version is the present one: whoever wrote it held the lock until
// it was visible, or until this owner's life ended; and that of the next owner, which may not be visible either, is behind the fence. The write's own
// fence would come too late: change may refuse, and tell its client why.
func (o *Owner) changed(ctx context.Context, keys []string, change func(map[string]Version) (map[string]string, error)) (map[string]string, error) {
	reading, stop := o.whileItLives(ctx)
	defer stop()
	view, err := readAt(reading, o.client, o.layout, newestOfAll, keys, o.fenced()...)
	switch {
	case o.life.Err() != nil:
		return nil, commitwait.ErrClosed
	case errors.Is(err, errFence):
		return nil, o.lost()
	case err != nil:
		return nil, err
	}
	values, err := change(view.Values)
	for key := range values {
		if !slices.Contains(keys, key) {
			err = errors.Join(err, fmt.Errorf("etcd: %q is written and not locked", key))
		}
	}
	return values, err
}

// commit assigns, replicates and waits. It unlocks when the commit is visible or certainly not to be, if that is later than its return.
func (o *Owner) commit(ctx context.Context, values map[string]string, floors []hlc.Timestamp, unlock func()) (Commit, error) {
	p, err := o.committer.Assign(ctx, floors...)
	if err != nil {
		unlock()
		return Commit{}, err
	}
	if o.options.beforeWrite != nil {
		o.options.beforeWrite(p.TS())
	}
	commit := Commit{TS: p.TS()}
	running, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(o.life, stop)() // Resign, when it waits no longer
	err = p.Run(running, func(ctx context.Context, ts hlc.Timestamp) (err error) {
		if commit.Revision, err = o.write(ctx, ts, values); o.options.Broken.Wait {
			stop()
		}
		return err
	})
	var unknown *commitwait.OutcomeUnknownError
	var early *commitwait.NotYetVisibleError
	switch {
	case errors.As(err, &unknown):
		return o.settled(ctx, unknown, unlock)
	case errors.As(err, &early) && o.options.Broken.Wait:
		unlock()
		return commit, p.Detach()
	case errors.As(err, &early):
		o.work.Go(func() {
			defer unlock()
			_ = p.Wait(o.life) // its only error is that of Resign, after which nobody serves
		})
	default:
		unlock()
	}
	return commit, err
}

// write is the transaction of a commit, and returns its revision. It can be applied once at most, however often it is sent, and not after
// settle, nor after the next owner began.
func (o *Owner) write(ctx context.Context, ts hlc.Timestamp, values map[string]string) (revision int64, err error) {
	record, mine := o.layout.record(ts), strconv.FormatInt(o.revision, 10)
	ops := []clientv3.Op{clientv3.OpPut(record, mine)}
	for key, value := range values {
		ops = append(ops, clientv3.OpPut(o.layout.version(key, ts), value))
	}
	done, err := o.client.Txn(ctx).If(o.fenced(clientv3.Compare(clientv3.CreateRevision(record), "=", 0))...).
		Then(ops...).Else(clientv3.OpGet(record)).Commit()
	switch {
	case err != nil:
		return 0, err // nobody knows: it may be on its way
	case done.Succeeded:
		return done.Header.Revision, nil
	}
	return o.verdict(done)
}
