// Package truetimetest has fakes for testing code that uses package truetime:
// local clocks that a test moves by hand or that follow virtual time, and bounds
// around a time that the test knows.
package truetimetest

import (
	"sync"
	"time"

	"github.com/trueclock/trueclock/truetime"
)

// Manual is a local clock that stands still until a test moves it. It is safe
// for concurrent use.
type Manual struct {
	mu    sync.Mutex
	now   truetime.Reading
	cause string
	err   error
}

// NewManual returns a clock that reads nanos in a fresh epoch.
func NewManual(nanos int64) *Manual {
	return &Manual{now: truetime.Reading{Nanos: nanos, Epoch: truetime.NewEpoch()}}
}

// Read returns the current reading, or the error given to Fail.
func (m *Manual) Read() (truetime.Reading, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return truetime.Reading{}, m.err
	}
	return m.now, nil
}

// Advance moves the clock on by d and returns the new reading.
func (m *Manual) Advance(d time.Duration) truetime.Reading {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now.Nanos += int64(d)
	return m.now
}

// Suspend begins a new epoch, as a local clock does when the machine slept;
// cause becomes its explanation. The reading itself stays where it was.
func (m *Manual) Suspend(cause string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now.Epoch, m.cause = truetime.NewEpoch(), cause
}

// Fail makes every later Read return err, until Fail(nil).
func (m *Manual) Fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

// EpochCause returns the cause given to the last Suspend.
func (m *Manual) EpochCause() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cause
}

// Virtual is a local clock that follows [time.Now]. Inside a
// [testing/synctest] bubble that is virtual time, so waits take no real time and
// wake exactly when they asked to.
type Virtual struct {
	epoch   uint64
	ratePPB int64
	anchor  time.Time
}

// NewVirtual returns a clock that reads 0 now and runs ratePPB parts per billion fast.
func NewVirtual(ratePPB int64) *Virtual {
	return &Virtual{epoch: truetime.NewEpoch(), ratePPB: ratePPB, anchor: time.Now()}
}

// Read returns the nanoseconds since NewVirtual.
func (v *Virtual) Read() (truetime.Reading, error) {
	elapsed := time.Since(v.anchor)
	drift := elapsed / 1e9 * time.Duration(v.ratePPB)
	drift += elapsed % 1e9 * time.Duration(v.ratePPB) / 1e9
	return truetime.Reading{Nanos: int64(elapsed + drift), Epoch: v.epoch}, nil
}

// Around returns a bound that says: at reading r true time is trueNanos (unix
// nanoseconds) ± uncertainty, each side growing by driftPPB from there. It is
// of generation 0 and expires after an hour; set the fields to change that.
func Around(r truetime.Reading, trueNanos int64, uncertainty time.Duration, driftPPB int64) truetime.Bound {
	return truetime.Bound{
		At:       r,
		Earliest: truetime.Line{At: r.Nanos, Nanos: trueNanos - int64(uncertainty), SlopePPB: -driftPPB},
		Latest:   truetime.Line{At: r.Nanos, Nanos: trueNanos + int64(uncertainty), SlopePPB: driftPPB},
		Expires:  r.Nanos + int64(time.Hour),
	}
}
