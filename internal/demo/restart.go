package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"

	"github.com/trueclock/trueclock/hlc"
)

const (
	lives    = 100
	setBack  = time.Minute
	longLead = 10 * setBack // what the clock believes, so that it starts at once: each crash moves the bound ahead by a window, too
	// shortWindow is over before the first timestamps are out, so that bounds are saved, and used, in each life and not only
	// at its start.
	shortWindow = time.Millisecond
)

// restart: a process that stamps events is killed again and again, and every second time its wall clock is a minute back when it starts. With the bound on the
// disk the first timestamp is above all that were seen before.
func restart(ctx context.Context, s *stage) error {
	dir, err := os.MkdirTemp("", "clockctl-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	random := s.random(4)
	var last hlc.Timestamp
	var lastWall int64
	repeats, stamps := 0, 0
	for life := range lives {
		offset := -setBack * time.Duration(life%2)
		first, end, n, err := s.live(ctx, dir, offset, random)
		if err != nil {
			return err
		}
		if life > 0 && !first.After(last) {
			return fmt.Errorf("life %d began with %v, and %v was seen before", life, first, last)
		}
		if wall := time.Now().Add(offset).UnixNano(); wall <= lastWall {
			repeats++
		} else {
			lastWall = wall
		}
		last, stamps = end, stamps+n
	}
	if repeats < lives/2-1 {
		return fmt.Errorf("the wall clock should have gone back %d times, and did %d times", lives/2, repeats)
	}
	s.say("   killed %d times   by SIGKILL, while stamping; %d times the wall clock was %v back", lives, repeats, setBack)
	s.say("   hybrid clock      each of %d timestamps is above all before it", stamps)
	return s.hopeless(ctx, dir)
}

// live starts the process, reads some of what it stamps, and kills it.
func (s *stage) live(ctx context.Context, dir string, offset time.Duration, random *rand.Rand) (first, last hlc.Timestamp, n int, err error) {
	p, err := s.spawn(ctx, "stamper", dir, offset.String())
	if err != nil {
		return first, last, 0, err
	}
	for n = range 1 + random.IntN(4) {
		line, err := p.line()
		if err != nil {
			return first, last, n, errors.Join(err, p.kill())
		}
		ts, err := hlc.Parse(line)
		if err != nil {
			return first, last, n, errors.Join(err, p.kill())
		}
		if n == 0 {
			first = ts
		} else if !ts.After(last) {
			return first, last, n, errors.Join(fmt.Errorf("%v came after %v", ts, last), p.kill())
		}
		last = ts
	}
	return first, last, n + 1, p.kill()
}

// hopeless: a clock that believes half a second refuses to start behind its bound by a minute, instead of going back.
func (s *stage) hopeless(ctx context.Context, dir string) error {
	behind, err := hlc.New(hlc.Options{Physical: func() int64 { return time.Now().Add(-setBack).UnixNano() }})
	if err != nil {
		return err
	}
	d, err := hlc.OpenDurable(ctx, behind, hlc.DurableOptions{Dir: dir})
	if err == nil {
		_ = d.Close()
		return errors.New("a start a minute behind the bound should have been refused")
	}
	var far *hlc.BoundTooFarError
	if !errors.As(err, &far) {
		return err
	}
	s.say("   with a limit      of %v a start that far back is refused", far.Limit)
	return nil
}

// stamper prints timestamps until it is killed or its input ends. It is called with the directory and what its wall clock is wrong by.
func stamper(ctx context.Context, in io.Reader, out io.Writer, args []string) error {
	if len(args) != 2 {
		return errors.New("stamper needs a directory and a duration")
	}
	offset, err := time.ParseDuration(args[1])
	if err != nil {
		return err
	}
	clock, err := hlc.New(hlc.Options{Physical: func() int64 { return time.Now().Add(offset).UnixNano() }, MaxLead: longLead})
	if err != nil {
		return err
	}
	events, err := hlc.OpenDurable(ctx, clock, hlc.DurableOptions{Dir: args[0], Window: shortWindow})
	if err != nil {
		return err
	}
	defer events.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // ends with the process
		_, _ = bufio.NewReader(in).ReadByte()
		cancel()
	}()
	for {
		ts, err := events.Now(ctx)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out, ts); err != nil {
			return err
		}
	}
}
