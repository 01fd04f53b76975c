package main

import (
	"context"
	"errors"
	"math"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"google.golang.org/grpc/codes"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// View is what a shard holds at a timestamp.
type View struct {
	TS     hlc.Timestamp
	Values map[string]Version
}

// Version is a value and the timestamp of its commit; the zero one if there is none.
type Version struct {
	Value string
	TS    hlc.Timestamp
}

// newestOfAll is where a read finds the newest version.
var newestOfAll = hlc.Timestamp{WallTime: math.MaxInt64, Logical: math.MaxUint32}

// Read returns the newest versions of keys at a snapshot: all that was acknowledged before, anywhere, if the mode is
// Strong. Errors: those of Committer.Snapshot; [*LostError] if the shard has another owner and the snapshot would need the future.
func (o *Owner) Read(ctx context.Context, mode commitwait.Mode, keys ...string) (View, error) {
	ts, err := o.committer.Snapshot(ctx, mode)
	if err != nil {
		return View{}, err
	}
	return readAt(ctx, o.client, o.layout, ts, keys)
}

// readAt returns what the shard holds at ts, where a snapshot was taken before: by anybody, since nothing changes there. All keys
// are read at one of etcd's revisions, and from a quorum: a member that lags would show less. It returns errFence if the fence is not true there.
func readAt(ctx context.Context, client *clientv3.Client, l layout, ts hlc.Timestamp, keys []string, fence ...clientv3.Cmp) (View, error) {
	ops := make([]clientv3.Op, len(keys))
	for i, key := range keys {
		end := clientv3.GetPrefixRangeEnd(l.versions(key))
		ops[i] = clientv3.OpGet(l.version(key, ts), clientv3.WithRange(end), clientv3.WithLimit(1))
	}
	var found *clientv3.TxnResponse
	err := patiently(ctx, isRefusal, func() (err error) {
		found, err = client.Txn(ctx).If(fence...).Then(ops...).Commit()
		return err
	})
	switch {
	case err != nil:
		return View{}, err
	case !found.Succeeded:
		return View{}, errFence
	}
	view := View{TS: ts, Values: make(map[string]Version, len(keys))}
	for i, key := range keys {
		var version Version
		if kvs := found.Responses[i].GetResponseRange().Kvs; len(kvs) > 0 {
			version.Value = string(kvs[0].Value)
			if version.TS, err = timestampOf(kvs[0].Key); err != nil {
				return View{}, err
			}
		}
		view.Values[key] = version
	}
	return view, nil
}

var errFence = errors.New("etcd: the fence of a read is closed")

// isRefusal says whether etcd has understood a read and will not answer it, however often it is asked.
func isRefusal(err error) bool {
	var e rpctypes.EtcdError
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() {
	case codes.Unavailable, codes.ResourceExhausted, codes.DeadlineExceeded, codes.Canceled, codes.Unknown, codes.Aborted, codes.Internal:
		return false
	}
	return true
}
