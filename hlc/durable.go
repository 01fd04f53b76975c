package hlc

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Durable is a [Clock] whose timestamps also rise across restarts and crashes,
// even if the physical clock went back in between. It keeps an upper bound on the
// disk and hands out no timestamp above it; after a restart it begins above it.
//
//	events, err := hlc.New(hlc.Options{})
//	durable, err := hlc.OpenDurable(ctx, events, hlc.DurableOptions{Dir: "/var/lib/app/clock"})
//	defer durable.Close()
//	ts, err := durable.Now(ctx)
//
// The rules:
//
//   - No timestamp is handed out above the durable bound. A new bound is first
//     made durable (file, sync, rename, sync of the directory) and then used.
//   - The bound reaches one window above the last timestamp and is renewed at half
//     of it, in the background. If the disk is slower than that, calls wait with
//     their context; lateness ends nothing. Without calls nothing is written, so
//     the first one after a pause longer than the window waits for the disk.
//   - An error of the disk ends the Durable for good: every call returns the same
//     [*StorageError] from then on. A file descriptor is never used again.
//   - The bound lies in two slots, written in turns. The newest intact record
//     counts. If a slot is not intact, the largest step that the other one allows is
//     added, and [Recovery] says so. If none is, the start is refused.
//   - A start jumps above the old bound if the clock would believe a remote timestamp
//     that far ahead, for then peers with the same limit do; else it waits until
//     that is so; beyond MaxWait it is refused.
//   - One process at a time uses a directory. Close saves the last timestamp itself,
//     so that a clean restart loses nothing.
//
// HAZARD: the clock underneath must not be used directly, nor by a second Durable:
// its own Now may be above the bound.
//
// HAZARD: an old copy of the directory (a restored backup, a cloned machine) brings
// timestamps back that were handed out before. Nothing here can notice; whoever
// remembers a higher Incarnation of the node can.
//
// HAZARD: it is as durable as a sync of the file system is. A tmpfs forgets
// everything with the machine, and some disks say yes too early.
//
// Calls within the first half of the window cost a Clock's and one atomic load, and do
// not allocate. It is safe for concurrent use.
type Durable struct {
	clock    *Clock
	dir      directory
	slots    slotWriter // of the refreshing goroutine; of Close after it has ended
	window   time.Duration
	recovery Recovery

	half atomic.Int64 // wall time up to which nothing needs to be done; −1 when it has ended

	mu      sync.Mutex
	bound   Timestamp     // durable
	want    int64         // highest wall time that was asked for
	err     error         // why it has ended
	changed chan struct{} // closed when bound or err changes
	stats   durableStats

	kick     chan struct{} // room for one
	stop     chan struct{}
	joined   chan struct{}
	closing  sync.Once
	closeErr error
}

// Now stamps a local event, or a message about to be sent, like [Clock.Now]. It
// waits only when the timestamp is above the durable bound, and only until ctx
// ends; the error then wraps ctx.Err(), and the timestamp is never handed out. Other
// errors: [*StorageError], [ErrClosed], [ErrExhausted].
func (d *Durable) Now(ctx context.Context) (Timestamp, error) {
	return d.cover(ctx, d.clock.Now())
}

// NowN stamps n local events at once, like [Clock.NowN], with the errors of that and of
// Now.
func (d *Durable) NowN(ctx context.Context, n int) (Batch, error) {
	b, err := d.clock.NowN(n)
	if err != nil {
		return Batch{}, err
	}
	if _, err := d.cover(ctx, b.Last()); err != nil {
		return Batch{}, err
	}
	return b, nil
}

// Update stamps the receipt of a message that carries remote, like
// [Clock.Update], with the errors of that and of Now. If it fails while waiting, the
// clock has moved to remote all the same.
func (d *Durable) Update(ctx context.Context, remote Timestamp) (Timestamp, error) {
	ts, err := d.clock.Update(remote)
	if err != nil {
		return Timestamp{}, err
	}
	return d.cover(ctx, ts)
}

// UpdateFrom is Update, and keeps for the clock's Stats how far the peer's timestamps
// are ahead, like [Clock.UpdateFrom].
func (d *Durable) UpdateFrom(ctx context.Context, peer string, remote Timestamp) (Timestamp, error) {
	ts, err := d.clock.UpdateFrom(peer, remote)
	if err != nil {
		return Timestamp{}, err
	}
	return d.cover(ctx, ts)
}

// Observe moves the clock to remote like [Clock.Observe], and returns nil once the
// bound covers it: what is handed out later is above remote, across a crash too.
func (d *Durable) Observe(ctx context.Context, remote Timestamp) error {
	if err := d.clock.Observe(remote); err != nil {
		return err
	}
	_, err := d.cover(ctx, remote)
	return err
}

// Cover returns nil once ts is at or below the durable bound, so that a restart begins above it. It is for a
// timestamp that somebody else assigned, such as truetime/commitwait. Errors as in Now.
//
// HAZARD: the bound goes to ts, and a restart with it.
func (d *Durable) Cover(ctx context.Context, ts Timestamp) error {
	_, err := d.cover(ctx, ts)
	return err
}

// Peek returns a timestamp at or above all that were handed out and not above the
// durable bound, without an event. It never waits, and works after Close.
func (d *Durable) Peek() Timestamp {
	peek := d.clock.Peek()
	if peek.WallTime <= d.half.Load() {
		return peek
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if peek.After(d.bound) {
		return d.bound
	}
	return peek
}

// cover returns ts once it is at or below the durable bound.
func (d *Durable) cover(ctx context.Context, ts Timestamp) (Timestamp, error) {
	if ts.WallTime <= d.half.Load() && !ts.IsZero() {
		return ts, nil
	}
	return d.coverSlow(ctx, ts)
}

func (d *Durable) coverSlow(ctx context.Context, ts Timestamp) (Timestamp, error) {
	if ts.IsZero() {
		return Timestamp{}, ErrExhausted
	}
	for waited := false; ; waited = true {
		covered, changed, err := d.ask(ts.WallTime, !waited)
		if err != nil {
			return Timestamp{}, err
		}
		if covered {
			return ts, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Timestamp{}, fmt.Errorf("hlc: waiting for the bound to be durable: %w", ctx.Err())
		}
	}
}

// ask says whether wall is covered, and has the bound renewed.
func (d *Durable) ask(wall int64, first bool) (covered bool, changed <-chan struct{}, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return false, nil, d.err
	}
	if wall > d.half.Load() {
		d.want = max(d.want, wall)
		select {
		case d.kick <- struct{}{}:
		default: // it has been told, and has not looked yet
		}
	}
	covered = wall <= d.bound.WallTime
	if !covered && first {
		d.stats.waited++
	}
	return covered, d.changed, nil
}

// refresh renews the bound when told to. It is the only goroutine: a caller that
// did it would have to wait for the disk with half a window still left.
func (d *Durable) refresh() {
	defer close(d.joined)
	for {
		select {
		case <-d.stop:
			return
		case <-d.kick:
			d.renew()
		}
	}
}

// renew makes the next bound durable, and only then lets it be used.
func (d *Durable) renew() {
	d.mu.Lock()
	want, over := d.want, d.err != nil || d.want <= d.half.Load()
	d.mu.Unlock()
	if over {
		return
	}
	wall := plus(want, d.window)
	began := time.Now()
	err := d.slots.raise(wall)
	took := time.Since(began)

	d.mu.Lock()
	defer d.mu.Unlock()
	d.stats.add(took)
	switch {
	case d.err != nil: // closed meanwhile
	case err != nil:
		d.end(err)
	default:
		d.use(wall)
	}
}

// use lets timestamps up to wall be handed out. The caller holds the mutex.
func (d *Durable) use(wall int64) {
	d.bound = covering(wall)
	d.half.Store(wall - int64(d.window/2))
	d.wake()
}

// end stops everything with err. The caller holds the mutex.
func (d *Durable) end(err error) {
	d.err = err
	d.half.Store(-1)
	d.wake()
}

func (d *Durable) wake() {
	close(d.changed)
	d.changed = make(chan struct{})
}

// Close ends the Durable, saves the last timestamp and releases the directory.
// Calls that wait return [ErrClosed]. It waits for a write that is under way. It
// returns the [*StorageError] that ended the Durable, or that it met itself; a
// restart is then no different from one after a crash.
func (d *Durable) Close() error {
	d.closing.Do(func() {
		d.mu.Lock()
		failed := d.err
		if failed == nil {
			d.end(ErrClosed)
		}
		d.mu.Unlock()
		close(d.stop)
		<-d.joined
		d.closeErr = d.finish(failed)
		if err := d.dir.unlock(); d.closeErr == nil && err != nil {
			d.closeErr = &StorageError{Op: "unlock", Err: err}
		}
	})
	return d.closeErr
}

// finish saves the last timestamp. Whoever found the bound high enough did so
// before end, with a timestamp drawn before that: Peek is at or above it now.
func (d *Durable) finish(failed error) error {
	if failed != nil {
		return failed
	}
	last := d.Peek()
	if err := d.slots.finish(last); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bound = last
	return nil
}
