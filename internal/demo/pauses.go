package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	machine "github.com/trueclock/trueclock/internal/clocks"
	"github.com/trueclock/trueclock/truetime/pause"
)

const standstill = 500 * time.Millisecond

// pauses: a process that was stopped cannot know it but from its clocks, and they also tell what it was: a pause, a suspend, or somebody
// who set the wall clock. The first is real; the clock of this machine is never touched, so the others are of a simulated one.
func pauses(ctx context.Context, s *stage) error {
	p, err := s.spawn(ctx, "watcher")
	if err != nil {
		return err
	}
	defer p.kill()
	for said := ""; said != "watching"; { // it may have told of a pause before
		if said, err = p.line(); err != nil {
			return err
		}
	}
	for try := 1; ; try++ {
		kind, least, took, err := p.standStill(ctx)
		switch {
		case err != nil:
			return err
		case kind == pause.Stopped && least <= took:
			s.say("   a process stopped for %v       says itself: %s", standstill, kind)
			return s.simulatedDeeds()
		case try == 5: // on a machine that is busy enough it is told as something else, or in pieces
			return fmt.Errorf("stopped for %v, and after %v it says: %s, for %v at least", standstill, took, kind, least)
		}
	}
}

// standStill stops the process for a while, and returns what it says of that, and how long that took.
func (p *process) standStill(ctx context.Context) (kind pause.Kind, least, took time.Duration, err error) {
	began := time.Now()
	if err := p.stop(); err != nil {
		return "", 0, 0, err
	}
	if err := sleep(ctx, standstill); err != nil {
		return "", 0, 0, err
	}
	if err := p.resume(); err != nil {
		return "", 0, 0, err
	}
	for {
		said, err := p.line()
		if errors.Is(err, errSilent) {
			return "nothing", 0, time.Since(began), nil
		}
		if err != nil {
			return "", 0, 0, err
		}
		var most time.Duration
		if _, err := fmt.Sscan(said, (*string)(&kind), (*int64)(&least), (*int64)(&most)); err != nil {
			return "", 0, 0, fmt.Errorf("%q: %w", said, err)
		}
		if most >= standstill { // else it tells of another pause, on a machine that is busy with something else
			return kind, least, time.Since(began), nil
		}
	}
}

// simulatedDeeds does to the clocks of a machine that there is not what is never done to this one.
func (s *stage) simulatedDeeds() error {
	for _, deed := range []struct {
		what string
		do   func(*machine.Sandwich)
		want machine.Kind
		size time.Duration
	}{
		{"a process stopped for 8s         ", func(c *machine.Sandwich) { pass(c, 8*time.Second) }, "", 0},
		{"a machine asleep for 8s          ", func(c *machine.Sandwich) { shift(&c.Boot, 8*time.Second); shift(&c.Real, 8*time.Second) }, machine.Suspend, 8 * time.Second},
		{"a wall clock set back by 1h      ", func(c *machine.Sandwich) { shift(&c.Real, -time.Hour) }, machine.Step, -time.Hour},
	} {
		now := machine.Sandwich{Mono: 1e12, TAI: 1_790_000_037e9}
		for i := range now.Raw {
			now.Raw[i], now.Boot[i], now.Real[i] = 1e12+int64(i), 1e12+int64(i), 1_790_000_000e9+int64(i)
		}
		judge := machine.NewJudge(0)
		var events []machine.Event
		for look := range 40 {
			if pass(&now, machine.Period); look == 20 {
				deed.do(&now)
				if deed.want == machine.Step || deed.want == machine.Suspend {
					now.TAI = now.Real[0] + 37e9
				}
			}
			var found []machine.Event
			judge, found = judge.Next(now)
			events = append(events, found...)
		}
		said := "none of the clocks was moved: a pause"
		switch {
		case deed.want == "" && len(events) == 0:
		case len(events) == 1 && events[0].Kind == deed.want && (events[0].Size-deed.size).Abs() < time.Millisecond:
			said = fmt.Sprintf("%s, by %v", events[0].Kind, events[0].Size.Round(time.Millisecond))
		default:
			return fmt.Errorf("%s: %+v", deed.what, events)
		}
		s.say("   %s say its clocks: %s", deed.what, said)
	}
	return nil
}

// pass lets time go by on all clocks.
func pass(c *machine.Sandwich, d time.Duration) {
	shift(&c.Raw, d)
	shift(&c.Boot, d)
	shift(&c.Real, d)
	c.Mono, c.TAI = c.Mono+int64(d), c.TAI+int64(d)
}

func shift(clock *[2]int64, d time.Duration) {
	for i := range clock {
		clock[i] += int64(d)
	}
}

// watcher says so when it watches, and prints each pause, until its input ends.
func watcher(ctx context.Context, in io.Reader, out io.Writer, _ []string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	monitor, err := pause.New(pause.Options{Period: 20 * time.Millisecond, Notify: func(f pause.Finding) {
		if f.Kind.StoodStill() {
			_, _ = fmt.Fprintln(out, f.Kind, int64(f.Least), int64(f.Most)) // who went away does not want to know
		}
	}})
	if err != nil {
		return err
	}
	go func() { // ends with the process
		_, _ = bufio.NewReader(in).ReadByte()
		cancel(errors.New("its input has ended"))
	}()
	ready := time.AfterFunc(200*time.Millisecond, func() { _, _ = fmt.Fprintln(out, "watching") }) // some looks later
	defer ready.Stop()
	return monitor.Run(ctx)
}
