package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/trueclock/trueclock/hlc"
)

// poison: one node's clock is 8 h fast. What believes everything is taken there, passes it on, and stays there when the bad clock was mended; what
// has a limit refuses the message and names its sender. Then the way back, for those who were taken.
func poison(ctx context.Context, s *stage) error {
	noon := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC).UnixNano()
	fast, err := hlc.New(hlc.Options{Physical: func() int64 { return noon + int64(8*time.Hour) }})
	if err != nil {
		return err
	}
	now := noon
	newNode := func(lead time.Duration) (*hlc.Clock, error) {
		return hlc.New(hlc.Options{Physical: func() int64 { return now }, MaxLead: lead})
	}
	naive, err := newNode(hlc.Unlimited)
	if err != nil {
		return err
	}
	second, err := newNode(hlc.Unlimited)
	if err != nil {
		return err
	}
	ours, err := newNode(0)
	if err != nil {
		return err
	}

	message := fast.Now()
	if _, err := naive.Update(message); err != nil {
		return err
	}
	if _, err := second.Update(naive.Now()); err != nil {
		return err
	}
	now += int64(time.Hour) // the fast clock was mended long ago
	led := naive.Stats().Lead
	if led < 6*time.Hour || second.Stats().Lead < 6*time.Hour {
		return fmt.Errorf("who believes everything should be 7 h ahead, and is %v", led)
	}
	s.say("   without a limit   both nodes are %v ahead, an hour after the fast clock was mended", led.Round(time.Minute))

	_, err = ours.UpdateFrom("node 5", message)
	var refused *hlc.TooFarAheadError
	if !errors.As(err, &refused) {
		return fmt.Errorf("the message should have been refused: %v", err)
	}
	stats := ours.Stats()
	if ts := ours.Now(); ts.WallTime != now || ts.Logical != 0 {
		return fmt.Errorf("a refused message left a trace: %v", ts)
	}
	if len(stats.Peers) != 1 || stats.Peers[0].Refused != 1 {
		return fmt.Errorf("the sender is not named: %+v", stats.Peers)
	}
	s.say("   with the limit    refused: %s is at least %v ahead; the clock stays as it was", stats.Peers[0].Peer, stats.Peers[0].MaxLead.Round(time.Minute))
	return s.wayBack(ctx, naive.Peek(), now)
}

// wayBack: a node that keeps its clock on the disk cannot start any more, until somebody states a lower bound.
func (s *stage) wayBack(ctx context.Context, poisoned hlc.Timestamp, now int64) error {
	dir, err := os.MkdirTemp("", "clockctl-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	open := func(o hlc.Options) (*hlc.Durable, error) {
		o.Physical = func() int64 { return now }
		clock, err := hlc.New(o)
		if err != nil {
			return nil, err
		}
		return hlc.OpenDurable(ctx, clock, hlc.DurableOptions{Dir: dir})
	}
	ill, err := open(hlc.Options{MaxLead: hlc.Unlimited})
	if err != nil {
		return err
	}
	_, err = ill.Update(ctx, poisoned)
	if err := errors.Join(err, ill.Close()); err != nil {
		return err
	}
	_, err = open(hlc.Options{})
	var far *hlc.BoundTooFarError
	if !errors.As(err, &far) {
		return fmt.Errorf("a start with a bound that far ahead should have been refused: %v", err)
	}
	s.say("   restarted         refused: the saved bound is %v ahead", far.Lead.Round(time.Minute))
	if _, err := hlc.RepairDurable(dir, hlc.DurableRepair{Bound: hlc.Timestamp{WallTime: now}, Lower: true}); err != nil {
		return err
	}
	well, err := open(hlc.Options{})
	if err != nil {
		return err
	}
	defer well.Close()
	now += int64(time.Second)
	ts, err := well.Now(ctx)
	if err != nil {
		return err
	}
	if ts.WallTime != now {
		return fmt.Errorf("after the repair the clock should show the time, and is %v ahead", time.Duration(ts.WallTime-now))
	}
	s.say("   repaired          all nodes stopped, `clockctl hlc state repair --lower`, started again: %s, 0 ahead", hybridFace(ts))
	return nil
}
