package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/trueclock/trueclock/internal/fleet"
	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

const (
	// ahead is how far the fleet's true time is ahead of this machine's clock,
	// so that there is something to find out.
	ahead = 137 * time.Millisecond
	lie   = 250 * time.Millisecond
)

// paths are the networks of the three honest servers; none is symmetric.
var paths = []struct{ out, back fleet.Path }{
	{fleet.Path{Min: 1 * time.Millisecond, Jitter: 500 * time.Microsecond, Loss: 0.1}, fleet.Path{Min: 4 * time.Millisecond, Jitter: 500 * time.Microsecond}},
	{fleet.Path{Min: 3 * time.Millisecond, Jitter: time.Millisecond}, fleet.Path{Min: 1 * time.Millisecond, Jitter: time.Millisecond, Loss: 0.1}},
	{fleet.Path{Min: 2 * time.Millisecond, Jitter: 2 * time.Millisecond, Duplicate: 0.1}, fleet.Path{Min: 2 * time.Millisecond, Jitter: 200 * time.Microsecond}},
}

// far is the server to which the way is the longest.
const far = 1

// stage is what the lessons share: the fleet, the truth, and one measurement.
type stage struct {
	options Options
	local   truetime.LocalClock
	base    int64 // true time − reading: here the local clock runs at the true rate
	servers []ntpprobe.Server
	closers []func() error
	sayErr  error // of the first line that could not be printed
	unheard context.CancelCauseFunc

	report, far *ntpprobe.Report // once measured

	pictures []string // that were drawn

	// Tests exchange these, to see lessons fail.
	mayLie    int           // of the five servers of the lesson about liars
	rules     rules         // of the lessons about commits
	falsehood time.Duration // how many times what they claim lying clocks are wrong by
}

func newStage(o Options) (*stage, error) {
	local, err := truetime.NewLocalClock()
	if err != nil {
		return nil, err
	}
	start, err := ntpprobe.ReadInstant(local)
	if err != nil {
		return nil, err
	}
	s := &stage{options: o, local: local, base: start.Wall.Add(ahead).UnixNano() - start.Before.Nanos, mayLie: 2, rules: allRules, falsehood: 10}
	if err := s.startFleet(); err != nil {
		s.close()
		return nil, fmt.Errorf("starting the fleet on loopback: %w", err)
	}
	return s, nil
}

func (s *stage) startFleet() error {
	for i, path := range paths {
		server, err := fleet.Start(fleet.Config{Now: s.trueNow, RootDispersion: 20 * time.Microsecond, ReferenceID: [4]byte{'D', 'E', 'M', 'O'}})
		if err != nil {
			return err
		}
		s.closers = append(s.closers, server.Close)
		relay, err := fleet.StartRelay(fleet.RelayConfig{Upstream: server.Addr(), Seed: s.options.Seed + uint64(i), Forward: path.out, Back: path.back})
		if err != nil {
			return err
		}
		s.closers = append(s.closers, relay.Close)
		s.servers = append(s.servers, ntpprobe.Server{Address: relay.Addr()})
	}
	liar, err := fleet.Start(fleet.Config{Now: s.trueNow, Offset: lie, RootDispersion: 20 * time.Microsecond, ReferenceID: [4]byte{'L', 'I', 'A', 'R'}})
	if err != nil {
		return err
	}
	s.closers = append(s.closers, liar.Close)
	s.servers = append(s.servers, ntpprobe.Server{Address: liar.Addr()})
	return nil
}

func (s *stage) close() {
	for i := len(s.closers) - 1; i >= 0; i-- {
		_ = s.closers[i]() // loopback sockets of our own
	}
}

// trueAt is the true time at a reading, which outside of a demo nobody knows.
func (s *stage) trueAt(r truetime.Reading) int64 { return s.base + r.Nanos }

// trueNow is what the honest servers serve. Should the local clock fail it
// serves 1970, which no lesson survives.
func (s *stage) trueNow() int64 {
	r, err := s.local.Read()
	if err != nil {
		return 0
	}
	return s.trueAt(r)
}

// measure asks the fleet, once for all lessons.
func (s *stage) measure(ctx context.Context) (ntpprobe.Report, error) {
	if s.report != nil {
		return *s.report, nil
	}
	r, err := ntpprobe.Measure(ctx, ntpprobe.MeasureOptions{
		Servers: s.servers, Local: s.local, Samples: 8, Interval: 50 * time.Millisecond, Timeout: 250 * time.Millisecond,
	})
	if err != nil {
		return r, err
	}
	s.report = &r
	return r, r.Err
}

// measureFar asks, once for all lessons, only the server to which the way is the longest.
func (s *stage) measureFar(ctx context.Context) (ntpprobe.Report, error) {
	if s.far != nil {
		return *s.far, nil
	}
	r, err := ntpprobe.Measure(ctx, ntpprobe.MeasureOptions{
		Servers: s.servers[far : far+1], Local: s.local, Samples: 8, Interval: 10 * time.Millisecond, Timeout: 250 * time.Millisecond,
	})
	if err != nil {
		return r, err
	}
	s.far = &r
	return r, r.Err
}

// show prints the report as probe does, indented.
func (s *stage) show(r ntpprobe.Report) error {
	var table strings.Builder
	if err := s.options.ShowReport(&table, r); err != nil {
		return err
	}
	for line := range strings.Lines(table.String()) {
		s.say("   %s", strings.TrimRight(line, "\n"))
	}
	return nil
}

// say prints a line. The first error is kept, and ends the lesson.
func (s *stage) say(format string, a ...any) {
	if s.sayErr != nil {
		return
	}
	if _, s.sayErr = fmt.Fprintf(s.options.Out, format+"\n", a...); s.sayErr != nil {
		s.unheard(s.sayErr)
	}
}
