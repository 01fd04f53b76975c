package skew

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/trueclock/trueclock/truetime"
)

// What a [Config] of zeros means.
const (
	DefaultLimit       = 50 * time.Millisecond
	DefaultEvery       = time.Second
	DefaultEvictAfter  = 3
	DefaultReturnAfter = 10
)

// maxMembers bounds what a round costs: each is compared with each.
const maxMembers = 1000

// Config says whom a [Monitor] watches, and how patiently.
type Config struct {
	// Members are all nodes of the fleet, Self among them. A majority is more than half of
	// these, whether they can be reached or not.
	Members []string
	Self    string
	// Look says what this node claims, usually by [Look]; Ask asks another one, and is called by
	// several goroutines at once. Ask must end when its context does: a round waits for it, and nobody
	// is Healthy meanwhile. What they return in Sent and Got does not count.
	Look func() (Node, error)
	Ask  func(ctx context.Context, member string) (Node, error)
	// Local times the questions.
	Local truetime.LocalClock

	Limit   time.Duration // how far two wall clocks may be apart
	Every   time.Duration // pause between two rounds
	Timeout time.Duration // of one question; 0 means Every
	// EvictAfter is how many rounds must prove a node to be out, without one in between that proves it to be
	// healthy, before the verdict is Evict; ReturnAfter how many must prove it to be healthy again.
	EvictAfter, ReturnAfter int
	// OnChange is called after a round for each verdict that changed, in the order of Members, by the
	// goroutine that runs the monitor; the next round waits for it. It may be nil.
	OnChange func(Change)
}

// Change is a verdict that is another one than after the round before.
type Change struct {
	Member   string
	From, To Verdict
	Why      string
}

// ConfigError says what is wrong with a [Config].
type ConfigError struct{ What string }

func (e *ConfigError) Error() string { return "skew: " + e.What }

// Monitor asks all members round after round and judges their wall clocks. It is safe for concurrent use.
type Monitor struct {
	config Config
	judge  *judge // of the goroutine that runs

	mutex   sync.Mutex
	running bool
	report  Report
	began   truetime.Reading // of the last round; zero before the first, and if the local clock failed then
}

// NewMonitor checks the configuration and returns a monitor that does not run yet and knows nothing. It returns a
// [*ConfigError].
func NewMonitor(c Config) (*Monitor, error) {
	c = c.withDefaults()
	if what := c.fault(); what != "" {
		return nil, &ConfigError{what}
	}
	c.Members = slices.Clone(c.Members)
	m := &Monitor{config: c, judge: newJudge(len(c.Members), c.EvictAfter, c.ReturnAfter)}
	m.report.Members = make([]Member, len(c.Members))
	for i, name := range c.Members {
		m.report.Members[i] = Member{Name: name, Verdict: Unproven, Round: Unproven, Err: errNotAsked}
	}
	return m, nil
}

var errNotAsked = errors.New("skew: not asked yet")

func (c Config) withDefaults() Config {
	for value, usual := range map[*time.Duration]time.Duration{&c.Limit: DefaultLimit, &c.Every: DefaultEvery} {
		if *value == 0 {
			*value = usual
		}
	}
	for value, usual := range map[*int]int{&c.EvictAfter: DefaultEvictAfter, &c.ReturnAfter: DefaultReturnAfter} {
		if *value == 0 {
			*value = usual
		}
	}
	if c.Timeout == 0 {
		c.Timeout = c.Every
	}
	return c
}

// fault says what is wrong, or nothing.
func (c Config) fault() string {
	sorted := slices.Sorted(slices.Values(c.Members))
	switch {
	case len(c.Members) == 0 || len(c.Members) > maxMembers:
		return fmt.Sprintf("%d members; there must be from 1 to %d", len(c.Members), maxMembers)
	case len(slices.Compact(sorted)) != len(c.Members):
		return "a member is named twice, and a majority counts each once"
	case !slices.Contains(c.Members, c.Self):
		return fmt.Sprintf("Self %q is none of the members", c.Self)
	case c.Look == nil || c.Ask == nil || c.Local == nil:
		return "Look, Ask and Local are needed"
	case c.Limit < 0 || c.Every < 0 || c.Timeout < 0 || c.EvictAfter < 0 || c.ReturnAfter < 0:
		return "a limit, a pause or a number of rounds is negative"
	}
	return ""
}

// ErrRunning is returned by Run of a monitor that runs already.
var ErrRunning = errors.New("skew: the monitor runs already")

// Run makes a round at once and then one every Config.Every until ctx ends, and returns its error then. All
// goroutines that it started have ended when it returns. A monitor that is run again goes on with
// the verdicts that it had.
func (m *Monitor) Run(ctx context.Context) error {
	m.mutex.Lock()
	if m.running {
		m.mutex.Unlock()
		return ErrRunning
	}
	m.running = true
	m.mutex.Unlock()
	defer func() {
		m.mutex.Lock()
		m.running = false
		m.mutex.Unlock()
	}()
	tick := time.NewTicker(m.config.Every)
	defer tick.Stop()
	for {
		changes := m.round(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		for _, change := range changes {
			if m.config.OnChange != nil {
				m.config.OnChange(change)
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// round asks, judges, and returns what changed.
func (m *Monitor) round(ctx context.Context) []Change {
	began, err := m.config.Local.Read()
	if err != nil {
		began = truetime.Reading{}
	}
	nodes, errs := m.ask(ctx)
	if ctx.Err() != nil {
		return nil // what was cut off proves nothing
	}
	return m.conclude(began, nodes, errs)
}

// ask asks all members at once.
func (m *Monitor) ask(ctx context.Context) ([]Node, []error) {
	ctx, cancel := context.WithTimeout(ctx, m.config.Timeout)
	defer cancel()
	nodes, errs := make([]Node, len(m.config.Members)), make([]error, len(m.config.Members))
	var asking sync.WaitGroup
	for i, name := range m.config.Members {
		asking.Go(func() { nodes[i], errs[i] = m.askOne(ctx, name) })
	}
	asking.Wait()
	return nodes, errs
}

// askOne asks between two readings of the local clock.
func (m *Monitor) askOne(ctx context.Context, name string) (Node, error) {
	sent, err := m.config.Local.Read()
	if err != nil {
		return Node{}, err
	}
	var node Node
	if name == m.config.Self {
		node, err = m.config.Look()
	} else {
		node, err = m.config.Ask(ctx, name)
	}
	if err != nil {
		return Node{}, err
	}
	node.Sent = sent
	node.Got, err = m.config.Local.Read()
	if err != nil {
		return Node{}, err
	}
	if err := node.Validate(); err != nil {
		return Node{}, err // nothing of it may be compared
	}
	return node, nil
}
