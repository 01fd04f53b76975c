package lamport

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// disk is a directory with what the system has cached and what would be left
// after a power failure. It ends the process, or fails a call, when told to.
type disk struct {
	random   *rand.Rand
	names    map[string]*inode // as processes see them
	durable  map[string]*inode
	renames  []func() // of durable, not yet synced
	locked   bool
	calls    int
	failAt   int // the call that fails, from 1; 0 for none
	fails    failure
	dead     bool // the process is; each call fails
	wrongEnd int  // calls after an error that should have been the last
	failed   bool
}

type inode struct {
	cached, durable []byte
	dirty           []write
}

type write struct {
	at   int
	data []byte
}

// failure is what happens at the chosen call.
type failure int

const (
	killed           failure = iota // the process ends; the cache survives
	powerLoss                       // the machine ends; what was not synced is lost, kept or torn
	ioError                         // the call fails, and what was to be synced never will be; the process is started anew
	ioErrorPowerLoss                // the same, and the machine ends later
	failures
)

var errDead, errIO = errors.New("the process has ended"), errors.New("input/output error")

func newDisk(seed uint64, failAt int, fails failure) *disk {
	return &disk{random: rand.New(rand.NewPCG(seed, 1)), names: map[string]*inode{}, durable: map[string]*inode{}, failAt: failAt, fails: fails}
}

// call counts a call. If it is the one to fail, some of what it does may happen all
// the same: done says whether to do it.
func (d *disk) call() (done bool, err error) {
	if d.dead {
		return false, errDead
	}
	if d.failed {
		d.wrongEnd++
	}
	d.calls++
	if d.calls != d.failAt {
		return true, nil
	}
	if d.fails == ioError || d.fails == ioErrorPowerLoss {
		d.failed = true
		return d.random.IntN(2) == 0, errIO
	}
	d.dead = true
	return d.random.IntN(2) == 0, errDead
}

// restart is what a new process finds: all that was cached, or, after a power
// failure, of each write that was not synced all, nothing or the first bytes.
func (d *disk) restart(failAt int, fails failure) {
	if d.fails == powerLoss || d.fails == ioErrorPowerLoss {
		for _, rename := range d.renames {
			if d.random.IntN(2) == 0 {
				break // names change in order
			}
			rename()
		}
		for _, f := range d.durable {
			f.keep(d.random)
			f.cached = slices.Clone(f.durable)
		}
		d.names, d.renames = map[string]*inode{}, nil
		for name, f := range d.durable {
			d.names[name] = f
		}
	}
	d.locked, d.dead, d.failed, d.calls, d.failAt, d.fails = false, false, false, 0, failAt, fails
}

func put(b []byte, w write) []byte {
	if need := w.at + len(w.data) - len(b); need > 0 {
		b = append(b, make([]byte, need)...)
	}
	copy(b[w.at:], w.data)
	return b
}

func (f *inode) keep(random *rand.Rand) {
	for _, w := range f.dirty {
		w.data = w.data[:[]int{0, random.IntN(len(w.data)), len(w.data)}[random.IntN(3)]]
		f.durable = put(f.durable, w)
	}
	f.dirty = nil
}

func (d *disk) lock() (io.Closer, error) {
	if done, err := d.call(); err != nil || !done {
		return nil, err
	}
	if d.locked {
		return nil, ErrLocked
	}
	d.locked = true
	return unlock{d}, nil
}

type unlock struct{ d *disk }

func (u unlock) Close() error { u.d.locked = false; return nil }

func (d *disk) open() (slotFile, error) {
	if _, err := d.call(); err != nil {
		return nil, err
	}
	if f := d.names["state"]; f != nil {
		return &handle{d, f}, nil
	}
	return nil, fs.ErrNotExist
}

func (d *disk) createNew() (slotFile, error) {
	done, err := d.call()
	f := &inode{}
	if done {
		d.names["new"] = f
		d.renames = append(d.renames, func() { d.durable["new"] = f })
	}
	if err != nil {
		return nil, err
	}
	return &handle{d, f}, nil
}

func (d *disk) rename() error {
	done, err := d.call()
	if done {
		f := d.names["new"]
		move := func(names map[string]*inode) { names["state"] = f; delete(names, "new") }
		move(d.names)
		d.renames = append(d.renames, func() { move(d.durable) })
	}
	return err
}

func (d *disk) sync() error {
	done, err := d.call()
	if done && err == nil {
		for _, rename := range d.renames {
			rename()
		}
		d.renames = nil
	}
	return err
}

type handle struct {
	d *disk
	f *inode
}

func (h *handle) ReadAt(b []byte, at int64) (int, error) {
	if _, err := h.d.call(); err != nil {
		return 0, err
	}
	n := copy(b, h.f.cached[min(int(at), len(h.f.cached)):])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (h *handle) WriteAt(b []byte, at int64) (int, error) {
	done, err := h.d.call()
	w := write{int(at), slices.Clone(b)}
	if err != nil && done {
		w.data = w.data[:1+h.d.random.IntN(len(b))]
	}
	if done {
		h.f.cached = put(h.f.cached, w)
		h.f.dirty = append(h.f.dirty, w)
	}
	return len(w.data), err
}

// Sync that fails drops what it should have written: the cache has it, the disk
// perhaps, and no later Sync will tell.
func (h *handle) Sync() error {
	done, err := h.d.call()
	switch {
	case err == nil:
		for _, w := range h.f.dirty {
			h.f.durable = put(h.f.durable, w)
		}
		h.f.dirty = nil
	case err == errIO || done:
		h.f.keep(h.d.random)
	}
	return err
}

func (h *handle) Close() error { return nil }

// durableBound is the bound that the disk itself holds, whatever the cache says.
func (d *disk) durableBound() (bound uint64) {
	if f := d.durable["state"]; f != nil {
		for at := 0; at+slotSize <= len(f.durable); at += slotDistance {
			if r, ok := decodeRecord(f.durable[at : at+slotSize]); ok {
				bound = max(bound, r.bound)
			}
		}
	}
	return bound
}

// live is one life of a process: it opens the store and issues numbers until it is
// done or something fails. Each must be above all that were ever issued.
func (d *disk) live(t *testing.T, issued uint64, life string) uint64 {
	store, err := openFolder(d)
	if err != nil {
		require.NotErrorIs(t, err, ErrCorrupt, life)
		require.True(t, errors.Is(err, errDead) || errors.Is(err, errIO), "%s: %v", life, err)
		return issued
	}
	d.wrongEnd = 0
	c, err := OpenDurable(store, DurableOptions{Reserve: 2})
	require.NoError(t, err, life)
	for i := range 8 {
		n, err := c.Tick(t.Context())
		if i%3 == 2 {
			n, err = c.Witness(t.Context(), c.Time()+7)
		}
		if err != nil {
			continue // it must not come back to life
		}
		require.Greater(t, n, issued, "%s: issued before", life)
		require.LessOrEqual(t, n, d.durableBound(), "%s: above the durable bound", life)
		issued = n
	}
	require.Zero(t, d.wrongEnd, "%s: the store was used after an error", life)
	if !d.dead {
		require.NoError(t, c.Close(), life)
	}
	return issued
}

// TestCrash_AfterEveryCall ends or fails the process at each call to the file
// system, and its successor too at each of its calls, by a kill, a power failure
// and an error; the third life must still go on above all that was issued.
func TestCrash_AfterEveryCall(t *testing.T) {
	const seeds = 2
	whole := newDisk(0, 0, killed)
	issued := whole.live(t, 0, "nothing fails")
	first := whole.calls
	whole.restart(0, killed)
	whole.live(t, issued, "nothing fails in the second life")
	calls := max(first, whole.calls)
	require.Greater(t, first, 20)
	for fails := range failures {
		for failsAgain := range failures {
			for at := 1; at <= calls; at++ {
				for again := 1; again <= calls; again++ {
					for seed := range uint64(seeds) {
						life := fmt.Sprintf("seed %d: failure %d at call %d, then %d at call %d", seed, fails, at, failsAgain, again)
						d := newDisk(seed, at, fails)
						issued := d.live(t, 0, life)
						d.restart(again, failsAgain)
						issued = d.live(t, issued, life+", second life")
						d.restart(0, killed)
						require.Greater(t, d.live(t, issued, life+", third life"), issued, "%s: it goes on", life)
					}
				}
			}
		}
	}
}
