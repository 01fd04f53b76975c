package phi

import (
	"errors"
	"math"
	"sync"
	"time"
)

// Certain is the φ of a peer whose machine says that it is not there. It is above each threshold.
const Certain = math.MaxFloat64

// State is what is thought of a peer.
type State uint8

// The states. The zero value is Unknown: nothing was ever heard of the peer, good or bad, and
// so it is not healthy.
const (
	Unknown State = iota
	Trusted
	Suspected
)

func (s State) String() string {
	if s > Suspected {
		return "invalid"
	}
	return [...]string{"unknown", "trusted", "suspected"}[s]
}

// Detector watches one peer. Its methods may be called from any goroutine and do not allocate.
type Detector struct {
	begin time.Time // carries the monotonic clock

	mutex   sync.Mutex
	history *History
	last    time.Duration // since begin, of the last sign of life, or of whatever ended a silence
	heard   bool
	refused bool // since the last sign of life
}

// New returns a detector of a peer from which nothing was heard yet. Its silence begins now. It
// returns [ErrOptions].
func New(options Options) (*Detector, error) {
	history, err := NewHistory(options)
	if err != nil {
		return nil, err
	}
	return &Detector{begin: time.Now(), history: history}, nil
}

// Heartbeat notes a sign of life. The interval since the last one is learnt, unless the peer was
// refusing connections in between.
//
// HAZARD: it is the arrival that counts. A packet that a dead peer sent and the network held back
// makes it alive until its silence is long again. Many that arrive at once, such as those
// that waited for us in a pause, are intervals of nothing, after which the next is expected too early.
func (d *Detector) Heartbeat() {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	now := time.Since(d.begin)
	if d.heard && !d.refused {
		d.history.Add(now - d.last)
	}
	d.last, d.heard, d.refused = now, true, false
}

// Down is given the error of an attempt to reach the peer. It reports whether that proves it
// dead: a refused connection does, since the peer's machine answered that nobody listens. The
// peer is then suspected at once, at any threshold, until its next heartbeat. All other errors
// (no route, a timeout) may be the network's, or our own, and change nothing.
//
// HAZARD: a firewall may refuse in the peer's place, and a peer that is just starting refuses.
func (d *Detector) Down(err error) bool {
	if !errors.Is(err, refused) {
		return false
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.refused = true
	return true
}

// Excuse takes a time off the present silence in which we could not have heard anything: a pause
// of our own process, as truetime/pause tells it. Take the least that it may have lasted.
//
// HAZARD: before it is called, everybody is suspected for as long as the pause was. A heartbeat that
// is handled before it has learnt the pause as its interval, and what is excused is the silence
// after it.
func (d *Detector) Excuse(pause time.Duration) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if pause > 0 {
		d.last += min(pause, time.Since(d.begin)-d.last)
	}
}

// Phi returns how sure one may be that the peer is dead: [History.Phi] of its silence, or
// [Certain]. It is finite and never NaN.
func (d *Detector) Phi() float64 {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.phi()
}

func (d *Detector) phi() float64 {
	if d.refused {
		return Certain
	}
	return d.history.Phi(time.Since(d.begin) - d.last)
}

// State compares φ with a threshold. A peer of which nothing was ever heard is Unknown, however
// long it is silent, unless it refused a connection. A threshold that is not above 0, or no number,
// suspects everybody.
func (d *Detector) State(threshold float64) State {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	switch {
	case d.refused:
		return Suspected
	case !d.heard:
		return Unknown
	case d.phi() < threshold:
		return Trusted
	}
	return Suspected
}

// Silence returns for how long nothing was heard, without what was excused.
func (d *Detector) Silence() time.Duration {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return time.Since(d.begin) - d.last
}

// Timeout returns the silence at which φ reaches the threshold: the timeout that the measured
// intervals amount to. See [History.Timeout].
func (d *Detector) Timeout(threshold float64) time.Duration {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.history.Timeout(threshold)
}

// Distribution returns what was measured.
func (d *Detector) Distribution() Distribution {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.history.Distribution()
}
