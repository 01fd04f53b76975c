package lamport

import (
	"context"
	"math"
	"sync"

	"github.com/trueclock/trueclock/internal/durable"
)

// Durable is a [Clock] whose numbers also rise across restarts and crashes. It keeps
// an upper bound on the disk and hands out no number above it; after a restart it begins
// above it.
//
//	clock, err := lamport.OpenDurable(lamport.DurableOptions{Dir: "/var/lib/app/lamport"})
//	defer clock.Close()
//	n, err := clock.Tick(ctx)
//
// The rules, which are those of hlc.Durable:
//
//   - No number is handed out above the durable bound. A new bound is first made
//     durable (file, sync, rename, sync of the directory) and then used.
//   - The bound reaches one Reserve above the highest number, and is renewed at half of
//     it, in the background. If the disk is slower than that, calls wait with their
//     context; lateness ends nothing.
//   - An error of the disk ends the Durable for good: every call returns the same
//     [*StorageError] from then on.
//   - The bound lies in two slots, and both are written before it is used: one of them
//     is enough, and [Recovery] says so. If there is none, the start is refused.
//   - One process at a time uses a directory.
//
// HAZARD: an old copy of the directory (a restored backup, a cloned machine) brings
// numbers back that were handed out before. Nothing here can notice.
//
// HAZARD: it is as durable as a sync of the file system is. A tmpfs forgets everything
// with the machine, and some disks say yes too early.
//
// Calls within the first half of the Reserve cost a Clock's and one atomic load, and do not
// allocate. It is safe for concurrent use.
type Durable struct {
	clock    Clock
	dir      durable.Directory
	ahead    *durable.Ahead
	recovery Recovery
	closing  sync.Once
	closeErr error
}

// Tick counts a local event, or a message about to be sent, like [Clock.Tick], and
// returns its number: higher than that of every event before, those before a restart
// included. It waits only when the number is above the durable bound, and only until
// ctx ends; the error then wraps ctx.Err(), and the number is never handed out. Other
// errors: [ErrExhausted], [*StorageError], [ErrClosed].
func (d *Durable) Tick(ctx context.Context) (uint64, error) {
	n, err := d.clock.Tick()
	return d.cover(ctx, n, err)
}

// Witness counts the receipt of a message that carries remote, like [Clock.Witness],
// with the errors of that and of Tick. If it fails while waiting, the clock has moved
// above remote all the same.
func (d *Durable) Witness(ctx context.Context, remote uint64) (uint64, error) {
	return d.WitnessWithin(ctx, remote, DefaultMaxLead)
}

// WitnessWithin is Witness with a limit of the caller's, like [Clock.WitnessWithin].
func (d *Durable) WitnessWithin(ctx context.Context, remote, maxLead uint64) (uint64, error) {
	n, err := d.clock.WitnessWithin(remote, maxLead)
	return d.cover(ctx, n, err)
}

// ForceWitness is Witness without a limit, with the HAZARD of [Clock.ForceWitness]: a
// restart does not bring an exhausted clock back either.
func (d *Durable) ForceWitness(ctx context.Context, remote uint64) (uint64, error) {
	return d.WitnessWithin(ctx, remote, math.MaxUint64)
}

// Observe moves the clock to remote like [Clock.Observe], and returns nil once the
// bound covers it: what is handed out later is above remote, across a crash too. A
// remote in the past costs two atomic loads.
func (d *Durable) Observe(ctx context.Context, remote uint64) error {
	_, err := d.cover(ctx, remote, d.clock.Observe(remote))
	return err
}

// Time returns a number at or above all that were handed out and not above the
// durable bound, without an event. It never waits, and works after Close.
func (d *Durable) Time() uint64 { return min(d.clock.Time(), uint64(d.ahead.Bound())) }

// cover returns n, which is at most MaxTime, once it is at or below the durable bound.
func (d *Durable) cover(ctx context.Context, n uint64, err error) (uint64, error) {
	if err == nil {
		err = d.ahead.Cover(ctx, int64(n))
	}
	if err != nil {
		return 0, err
	}
	return n, nil
}

// Close ends the Durable and releases the directory. Calls that wait return
// [ErrClosed]. It waits for a write that is under way. It returns the
// [*StorageError] that ended the Durable, or that it met itself.
func (d *Durable) Close() error {
	d.closing.Do(func() {
		d.closeErr = d.ahead.End(ErrClosed)
		if err := d.dir.Unlock(); d.closeErr == nil && err != nil {
			d.closeErr = &StorageError{Op: "unlock", Err: err}
		}
	})
	return d.closeErr
}
