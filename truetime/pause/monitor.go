package pause

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/trueclock/trueclock/internal/clocks"
)

// Options are those of [New]. The zero value is fine.
type Options struct {
	// Period is how often the monitor looks: 400 ms if it is 0. What costs is to wake up for it,
	// some 200 µs on a virtual machine; how soon a pause is told after its end does not depend on
	// it, but how exactly its length is known.
	Period time.Duration
	// Pause is the shortest one that is told: 50 ms if it is 0. One that lasts at least Period
	// and Pause together is always told, a shorter one sometimes.
	Pause time.Duration
	// Step is the smallest step of the wall clock that is told: 1 ms if it is 0.
	Step time.Duration
	// History is how many findings are kept: 64 if it is 0.
	History int
	// Notify is called with each finding, in order, one at a time, by a goroutine of its own:
	// it may take its time, and delays nothing but the findings after its own. If the history
	// forgets some before they are delivered, the next one says how many were Missed. What is
	// left when Run ends is delivered if it runs again.
	Notify func(Finding)
}

// ErrOptions: an option is out of range. ErrRunning: the monitor runs already.
var (
	ErrOptions = errors.New("pause: options out of range")
	ErrRunning = errors.New("pause: the monitor runs already")
)

func (o Options) normal() (Options, error) {
	if o.Period < 0 || o.Pause < 0 || o.Step < 0 || o.History < 0 {
		return o, fmt.Errorf("%w: none may be negative", ErrOptions)
	}
	if o.Period == 0 {
		o.Period = 400 * time.Millisecond
	}
	if o.Pause == 0 {
		o.Pause = 50 * time.Millisecond
	}
	if o.Step == 0 {
		o.Step = time.Millisecond
	}
	if o.History == 0 {
		o.History = 64
	}
	if o.Period < time.Millisecond || o.Period > time.Minute {
		return o, fmt.Errorf("%w: Period %v is not from 1 ms to a minute", ErrOptions, o.Period)
	}
	return o, nil
}

// source is where readings come from.
type source interface {
	// look reads what is cheap; accounts reads the rest.
	look() (clocks.Sandwich, reading, error)
	accounts() *accounts
	close()
}

// Monitor watches the process that it is in. Its methods may be called from any goroutine.
type Monitor struct {
	options Options
	source  source
	running atomic.Bool

	mutex    sync.Mutex
	findings []Finding // a ring: the finding of number n is at n % History
	count    uint64    // of all findings so far
	next     uint64    // the number of the one that is delivered next
	news     chan struct{}
}

// New returns a monitor that watches while [Monitor.Run] runs. It returns [ErrOptions].
func New(options Options) (*Monitor, error) {
	options, err := options.normal()
	if err != nil {
		return nil, err
	}
	return &Monitor{options: options, source: newMachine(), news: make(chan struct{}, 1)}, nil
}

// Run watches until the context ends and then returns nil, after the callback in progress, if
// there is one, has returned. It returns [ErrRunning], or an error if a clock cannot be read.
func (m *Monitor) Run(ctx context.Context) error {
	if !m.running.CompareAndSwap(false, true) {
		return ErrRunning
	}
	defer m.running.Store(false)
	ctx, cancel := context.WithCancel(ctx)
	var deliverer sync.WaitGroup
	if m.options.Notify != nil {
		deliverer.Go(func() { m.deliver(ctx) })
	}
	defer m.source.close()
	defer deliverer.Wait()
	defer cancel()
	return m.watch(ctx)
}

func (m *Monitor) watch(ctx context.Context) error {
	known := newObserver(limits{period: m.options.Period, pause: m.options.Pause}, m.options.Step)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		due := time.Now().Add(m.options.Period)
		sandwich, r, err := m.source.look()
		if err != nil {
			return fmt.Errorf("pause: %w", err)
		}
		if known.wants(r) {
			r.accounts = m.source.accounts()
		}
		var found []Finding
		known, found = known.next(sandwich, r)
		for _, f := range found {
			m.note(f)
		}
		timer.Reset(time.Until(due)) // overdue if it was stopped meanwhile, so that it looks again at once
	}
}

// note adds a finding to the history and never waits for anybody.
func (m *Monitor) note(f Finding) {
	m.mutex.Lock()
	if len(m.findings) < m.options.History {
		m.findings = append(m.findings, f)
	} else {
		m.findings[m.count%uint64(m.options.History)] = f
	}
	m.count++
	m.mutex.Unlock()
	select {
	case m.news <- struct{}{}:
	default:
	}
}

// deliver calls the callback with each finding, and leaves to the next Run what it has not called
// it with when the context ends.
func (m *Monitor) deliver(ctx context.Context) {
	for ctx.Err() == nil {
		if f, ok := m.take(); ok {
			m.options.Notify(f)
			continue
		}
		select {
		case <-ctx.Done():
		case <-m.news:
		}
	}
}

// take returns the next finding, or the oldest one that is left.
func (m *Monitor) take() (Finding, bool) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.next == m.count {
		return Finding{}, false
	}
	oldest := m.count - uint64(len(m.findings))
	missed := max(oldest, m.next) - m.next
	m.next += missed
	f := m.findings[m.next%uint64(m.options.History)]
	m.next++
	f.Missed = missed
	return f, true
}

// History returns the latest findings, the oldest of them first.
func (m *Monitor) History() []Finding {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	history := make([]Finding, 0, len(m.findings))
	for n := m.count - uint64(len(m.findings)); n < m.count; n++ {
		history = append(history, m.findings[n%uint64(m.options.History)])
	}
	return history
}
