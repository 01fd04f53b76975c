package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// Owner is the one node that assigns the timestamps of a shard. A Committer's promises bind its own commits only,
// so that a shard has one at a time, and what follows from it across owners is kept in etcd:
//
//   - who owns it: the oldest candidate of an election under a lease. Every write compares that the owner's key is still the
//     same, within its own transaction, so that an owner who was stopped and does not know cannot write after the next one began;
//   - what it has promised: every timestamp is below a bound in etcd before anything depends on it (Options.Cover), and the next owner
//     begins above that bound (Options.Floor). So timestamps rise across owners, and what was read stays as it was;
//   - what became of each commit: a record that is written once, with the data or to say that there will be none.
//
// It is safe for concurrent use.
type Owner struct {
	client    *clientv3.Client
	layout    layout
	options   Options
	committer *commitwait.Committer
	session   *concurrency.Session
	key       string // the candidate's, gone when the ownership is
	revision  int64  // at which it was created
	floor     hlc.Timestamp
	bound     bound
	locks     locks

	life context.Context // of what works in the background
	end  context.CancelFunc
	work sync.WaitGroup

	mu     sync.Mutex
	closed bool
	puts   sync.WaitGroup
}

// Options configures an [Owner]. The zero value is ready to use.
type Options struct {
	// TTL is how long after its owner's last sign of life a shard gets another; whole seconds, and etcd
	// makes it longer than an election of its own takes. 0 means 3 s.
	TTL time.Duration
	// Window is how far ahead of the timestamps their bound is written: once for as long, and not for each
	// commit. An owner that begins while the bound of the last is ahead waits for it with its first commit. 0 means 1 s.
	Window time.Duration
	// Commit configures the Committer, but for its Layout, Floor and Cover.
	Commit commitwait.Options
	// Broken leaves out what makes it right, to show that the checks see it.
	Broken Broken

	beforeWrite func(ts hlc.Timestamp) // between the assignment and the write, for those who stop there
}

// Broken says what is left out.
type Broken struct {
	Wait  bool // acknowledges when it is durable, before the timestamp has passed
	Fence bool // writes without comparing who owns the shard
	Floor bool // begins without regard to the last owner's bound
}

// LostError reports that somebody else owns the shard, or will. Nothing was written.
type LostError struct {
	Shard    string
	Revision int64 // of the ownership that is over
}

func (e *LostError) Error() string {
	return fmt.Sprintf("etcd: the ownership of %q from revision %d on is over", e.Shard, e.Revision)
}

// Campaign waits until the node owns the shard, and returns when it can serve: it knows the bound of those before, and their last
// commit has certainly passed. The clock is the node's own. Errors: those of the client; of commitwait.New and Committer.Recover; [*LostError]
// when it was over before it began.
func Campaign(ctx context.Context, client *clientv3.Client, shard string, clock *truetime.Clock, options Options) (_ *Owner, err error) {
	if options.TTL < 0 || options.Window < 0 {
		return nil, errors.New("etcd: TTL or Window is negative")
	}
	if options.TTL == 0 {
		options.TTL = 3 * time.Second
	}
	if options.Window == 0 {
		options.Window = time.Second
	}
	lease, err := client.Grant(ctx, int64(math.Ceil(options.TTL.Seconds())))
	if err != nil {
		return nil, err
	}
	session, err := concurrency.NewSession(client, concurrency.WithLease(lease.ID))
	if err != nil {
		return nil, err
	}
	o := &Owner{client: client, layout: layoutOf(shard), options: options, session: session}
	o.life, o.end = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			o.end()
			o.release()
		}
	}()
	election := concurrency.NewElection(session, o.layout.candidates())
	if err = election.Campaign(ctx, strconv.FormatInt(int64(lease.ID), 16)); err != nil {
		return nil, err
	}
	o.key, o.revision = election.Key(), election.Rev()
	newest, err := o.takeOver(ctx)
	if err != nil {
		return nil, err
	}
	options.Commit.Floor, options.Commit.Cover = o.floor, o.cover
	if o.committer, err = commitwait.New(clock, nil, options.Commit); err != nil {
		return nil, err
	}
	if newest.IsZero() {
		return o, nil
	}
	// The last owner may have ended in its commit wait: nobody sees that commit before its time has passed.
	if err = o.committer.Recover(ctx, newest); err != nil {
		return nil, err
	}
	return o, nil
}

// takeOver reads what the owners before have left. It is final: their keys are gone, and with them all that they
// could still have written.
func (o *Owner) takeOver(ctx context.Context) (newest hlc.Timestamp, err error) {
	zero, err := hlc.Timestamp{}.MarshalBinary()
	if err != nil {
		return newest, err
	}
	_, err = o.client.Txn(ctx).If(o.owns(), clientv3.Compare(clientv3.CreateRevision(o.layout.bound()), "=", 0)).
		Then(clientv3.OpPut(o.layout.bound(), string(zero))).Commit()
	if err != nil {
		return newest, err
	}
	found, err := o.client.Txn(ctx).If(o.owns()).Then(
		clientv3.OpGet(o.layout.bound()),
		clientv3.OpGet(o.layout.records(), clientv3.WithPrefix(), clientv3.WithLimit(1)), // newest first
	).Commit()
	switch {
	case err != nil:
		return newest, err
	case !found.Succeeded:
		return newest, o.lost()
	}
	floor, records := found.Responses[0].GetResponseRange().Kvs, found.Responses[1].GetResponseRange().Kvs
	if len(floor) == 0 {
		return newest, fmt.Errorf("etcd: the bound of %q is missing", o.layout.shard)
	}
	if !o.options.Broken.Floor {
		if o.floor, err = hlc.ParseBinary(floor[0].Value); err != nil {
			return newest, fmt.Errorf("etcd: the bound of %q: %w", o.layout.shard, err)
		}
		o.bound.saved = o.floor
	}
	if len(records) > 0 {
		newest, err = timestampOf(records[0].Key)
	}
	return newest, err
}

// owns is true in a transaction while this node owns the shard: a revision never comes back.
func (o *Owner) owns() clientv3.Cmp {
	return clientv3.Compare(clientv3.CreateRevision(o.key), "=", o.revision)
}

// fenced is what a write compares, with who owns the shard.
func (o *Owner) fenced(also ...clientv3.Cmp) []clientv3.Cmp {
	if o.options.Broken.Fence {
		return also
	}
	return append(also, o.owns())
}

func (o *Owner) lost() error { return &LostError{Shard: o.layout.shard, Revision: o.revision} }

// Lost is closed when the node no longer hears that its lease lives. That comes late, or not at all while the process is stopped: what
// protects the shard is the comparison in every write, and not this.
func (o *Owner) Lost() <-chan struct{} { return o.session.Done() }

// Resign waits for the commits that are under way, and gives the shard to the next. The bound it leaves is the last timestamp of all, so
// that the next need not wait for it. If ctx ends first, the commits end as Put says. It
// returns a [*LostError] if the shard was no longer its own; after any error the lease runs out and the next owner waits for the bound.
func (o *Owner) Resign(ctx context.Context) error {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	idle := make(chan struct{})
	go func() {
		o.puts.Wait()
		close(idle)
	}()
	select {
	case <-idle:
	case <-ctx.Done():
	}
	err := o.committer.Close()
	o.bound.mu.Lock()
	o.end() // after which none is begun in the background
	o.bound.mu.Unlock()
	<-idle
	o.work.Wait()
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
	o.release()
	return err
}

// release gives the lease back, and with it the candidate's key.
func (o *Owner) release() {
	o.session.Orphan()
	ctx, cancel := context.WithTimeout(context.Background(), o.options.TTL)
	defer cancel()
	_, _ = o.client.Revoke(ctx, o.session.Lease()) // or it runs out, in as long
}

// enter registers a commit, for Resign.
func (o *Owner) enter() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.puts.Add(1)
	}
	return !o.closed
}
