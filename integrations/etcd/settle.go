package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// aborted is the record of a commit that is not to be.
const aborted = "aborted"

// verdict reads from a transaction that was refused what became of the commit: its revision if it was committed before, by a copy of
// the request.
func (o *Owner) verdict(done *clientv3.TxnResponse) (revision int64, err error) {
	switch record := done.Responses[0].GetResponseRange().Kvs; {
	case len(record) == 0: // so it was the fence, which never opens again
		return 0, commitwait.NotApplied(o.lost())
	case string(record[0].Value) == aborted:
		return 0, commitwait.NotApplied(errSettled)
	case string(record[0].Value) != strconv.FormatInt(o.revision, 10):
		return 0, commitwait.NotApplied(errTwice)
	default:
		return record[0].CreateRevision, nil
	}
}

var (
	errSettled = errors.New("etcd: it was settled that the commit is not to be")
	errTwice   = errors.New("etcd: another owner has assigned the same timestamp")
)

// settle finds out what became of a commit, and makes sure that it stays so: if there is no record, it writes one that
// the commit's own transaction then finds. To look alone would not do, since the transaction may be on its way.
// The revision is that of the commit; a NotApplied error says that there is none and will be none.
func (o *Owner) settle(ctx context.Context, ts hlc.Timestamp) (revision int64, err error) {
	record := o.layout.record(ts)
	done, err := o.client.Txn(ctx).If(o.fenced(clientv3.Compare(clientv3.CreateRevision(record), "=", 0))...).
		Then(clientv3.OpPut(record, aborted)).Else(clientv3.OpGet(record)).Commit()
	switch {
	case err != nil:
		return 0, err
	case done.Succeeded:
		return 0, commitwait.NotApplied(errSettled)
	}
	return o.verdict(done)
}

// settled settles an unknown commit, whatever becomes of its client, and returns as Put does.
func (o *Owner) settled(ctx context.Context, unknown *commitwait.OutcomeUnknownError, unlock func()) (Commit, error) {
	type outcome struct {
		revision int64
		err      error
	}
	result := make(chan outcome, 1)
	o.work.Go(func() {
		defer unlock()
		var revision int64
		err := patiently(o.life, isCertain, func() (err error) {
			revision, err = o.settle(o.life, unknown.TS)
			return err
		})
		switch {
		case err == nil:
			err = o.committer.Resolve(o.life, unknown.TS, true)
		case isCertain(err):
			not := &commitwait.ApplyError{TS: unknown.TS, Err: fmt.Errorf("%w, after: %w", err, unknown.Err)}
			err = errors.Join(not, o.committer.Resolve(o.life, unknown.TS, false))
		default: // Resign
			err = unknown
		}
		result <- outcome{revision, err}
	})
	select {
	case is := <-result:
		return Commit{TS: unknown.TS, Revision: is.revision}, is.err
	case <-ctx.Done():
		return Commit{TS: unknown.TS}, unknown
	}
}

// isCertain says whether settle knows that the commit is not to be.
func isCertain(err error) bool {
	var lost *LostError
	return errors.Is(err, errSettled) || errors.Is(err, errTwice) || errors.As(err, &lost)
}

// patiently tries until it works, its error is final, or ctx ends.
func patiently(ctx context.Context, final func(error) bool, try func() error) error {
	for {
		err := try()
		if err == nil || final(err) || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}
