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

	entrance entrance
}

// Options configures an [Owner]. The zero value is ready to use.
type Options struct {
	// TTL is how long after its owner's last sign of life a shard gets another; whole seconds, and etcd
	// makes it longer than an election of its own takes. 0 means 3 s.
	TTL time.Duration
	// Window is how far ahead of the timestamps their bound is written: once for as long, and not for each
	// commit. After an owner was lost, the next one's Campaign waits until its bound has passed, so for up to as long. 0 means 1 s.
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

// Campaign waits until the node owns the shard, and returns when it can serve: the bound of those before has certainly passed, and so
// has all that they have written or read. The clock is the node's own. Errors: those of the client; of commitwait.New and
// truetime.Clock.WaitUntilAfter; [*LostError] when it was over before it began.
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
			o.release(ctx)
		}
	}()
	election := concurrency.NewElection(session, o.layout.candidates())
	if err = election.Campaign(ctx, strconv.FormatInt(int64(lease.ID), 16)); err != nil {
		return nil, err
	}
	o.key, o.revision = election.Key(), election.Rev()
	if err = o.takeOver(ctx); err != nil {
		return nil, err
	}
	// Not with the first commit: the floor may be further ahead than a commit's may be, and the last
	// owner may have ended in its commit wait: nobody sees that commit before its time has passed.
	if err = clock.WaitUntilAfter(ctx, o.floor.Time()); err != nil {
		return nil, err
	}
	options.Commit.Floor, options.Commit.Cover = o.floor, o.cover
	if o.committer, err = commitwait.New(clock, nil, options.Commit); err != nil {
		return nil, err
	}
	return o, nil
}

// takeOver reads the bound that the owners before have left. It is final: their keys are gone, and with them all that they
// could still have written.
func (o *Owner) takeOver(ctx context.Context) error {
	zero, err := hlc.Timestamp{}.MarshalBinary()
	if err != nil {
		return err
	}
	_, err = o.client.Txn(ctx).If(o.owns(), clientv3.Compare(clientv3.CreateRevision(o.layout.bound()), "=", 0)).
		Then(clientv3.OpPut(o.layout.bound(), string(zero))).Commit()
	if err != nil {
		return err
	}
	found, err := o.client.Txn(ctx).If(o.owns()).Then(clientv3.OpGet(o.layout.bound())).Commit()
	switch {
	case err != nil:
		return err
	case !found.Succeeded:
		return o.lost()
	case o.options.Broken.Floor:
		return nil
	}
	floor := found.Responses[0].GetResponseRange().Kvs
	if len(floor) == 0 {
		return fmt.Errorf("etcd: the bound of %q is missing", o.layout.shard)
	}
	if o.floor, err = hlc.ParseBinary(floor[0].Value); err != nil {
		return fmt.Errorf("etcd: the bound of %q: %w", o.layout.shard, err)
	}
	o.bound.saved = o.floor
	return nil
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
