package hlc

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trueclock/trueclock/internal/durable"
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
	dir      durable.Directory
	ahead    *durable.Ahead // of wall times
	slots    slotWriter     // of ahead's raise; of Close after that has ended
	window   time.Duration
	recovery Recovery
	stats    durableStats

	mu       sync.Mutex
	assigned Timestamp // the highest that Cover was asked for, which the clock may not have seen

	last     atomic.Pointer[Timestamp] // what Close has saved
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
	d.mu.Lock()
	if ts.After(d.assigned) {
		d.assigned = ts
	}
	d.mu.Unlock()
	_, err := d.cover(ctx, ts)
	return err
}

// Peek returns a timestamp at or above all that were handed out and not above the
// durable bound, without an event. It never waits, and works after Close.
func (d *Durable) Peek() Timestamp {
	peek := d.clock.Peek()
	if bound := d.bound(); peek.After(bound) {
		return bound
	}
	return peek
}

// bound is durable.
func (d *Durable) bound() Timestamp {
	if last := d.last.Load(); last != nil {
		return *last
	}
	return covering(d.ahead.Bound())
}

// cover returns ts once it is at or below the durable bound.
func (d *Durable) cover(ctx context.Context, ts Timestamp) (Timestamp, error) {
	if ts.IsZero() {
		return Timestamp{}, ErrExhausted
	}
	if err := d.ahead.Cover(ctx, ts.WallTime); err != nil {
		return Timestamp{}, err
	}
	return ts, nil
}

// raise makes the bound durable that covers wall.
func (d *Durable) raise(wall int64) error {
	began := time.Now()
	err := d.slots.raise(wall)
	d.stats.add(time.Since(began))
	return err
}

// Close ends the Durable, saves the last timestamp and releases the directory.
// Calls that wait return [ErrClosed]. It waits for a write that is under way. It
// returns the [*StorageError] that ended the Durable, or that it met itself; a
// restart is then no different from one after a crash.
func (d *Durable) Close() error {
	d.closing.Do(func() {
		d.closeErr = d.ahead.End(ErrClosed)
		if d.closeErr == nil {
			d.closeErr = d.finish()
		}
		if err := d.dir.Unlock(); d.closeErr == nil && err != nil {
			d.closeErr = &StorageError{Op: "unlock", Err: err}
		}
	})
	return d.closeErr
}

// finish saves the last timestamp, or a higher one that was assigned by somebody else. Whoever found the bound high enough did so
// before the end, with a timestamp drawn before that: Peek is at or above it now.
func (d *Durable) finish() error {
	last := d.Peek()
	d.mu.Lock()
	if d.assigned.After(last) {
		last = d.assigned
	}
	d.mu.Unlock()
	if bound := d.bound(); last.After(bound) {
		last = bound // whoever asked for more has given up
	}
	if err := d.slots.finish(last); err != nil {
		return err
	}
	d.last.Store(&last)
	return nil
}
