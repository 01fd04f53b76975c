package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
)

// pairs is how often two nodes commit one after the other, with each kind of clocks.
const pairs = 10

// commitWait: the order of timestamps with and without the wait, what the wait costs, and whether clients of a
// register can tell.
func commitWait(ctx context.Context, s *stage) error {
	if err := s.orderOfPairs(ctx); err != nil {
		return err
	}
	s.say("   The guarantee rests on the intervals: clocks that are wrong by more than they claim lose the order in spite of the wait.\n")
	if err := s.latency(ctx); err != nil {
		return err
	}
	return s.register(ctx)
}

// orderOfPairs lets two nodes commit one after the other: the second begins when the first was acknowledged.
func (s *stage) orderOfPairs(ctx context.Context) error {
	s.say("   Two nodes commit, the second after the first was acknowledged; %d times.\n", pairs)
	measured, err := s.measured(ctx)
	if err != nil {
		return err
	}
	t := newTable("CLOCKS", "WAIT", "WRONG ORDER", "FIRST PAIR")
	defer t.print(s)
	for _, c := range []clocks{s.corner(), s.anywhere(s.random(1)), measured} {
		for _, wait := range []bool{false, true} {
			if err := s.orderRow(ctx, t, c, wait); err != nil {
				return err
			}
		}
	}
	return s.orderRow(ctx, t, s.lying(), true)
}

func (s *stage) orderRow(ctx context.Context, t *table, c clocks, wait bool) error {
	wrong, example := 0, ""
	for range pairs {
		one, two, err := c.next(ctx)
		if err != nil {
			return err
		}
		first, err := s.commitBy(ctx, one, wait, c.honest)
		if err != nil {
			return err
		}
		second, err := s.commitBy(ctx, two, wait, c.honest) // begins after the first was acknowledged
		if err != nil {
			return err
		}
		if !first.Before(second) {
			wrong++
		}
		if example == "" {
			example = "the second is stamped " + beforeOrAfter(time.Duration(second.WallTime-first.WallTime)) + " the first"
		}
	}
	t.row(c.name, yesNo(wait), outOf(wrong, pairs), example)
	return judge(c, wait, wrong, "a wrong order")
}

// commitBy commits nothing, and checks that nobody saw it before its timestamp had passed.
func (s *stage) commitBy(ctx context.Context, clock *truetime.Clock, wait, honest bool) (hlc.Timestamp, error) {
	n, err := s.newNode("", clock, nil)
	if err != nil {
		return hlc.Timestamp{}, err
	}
	return n.commit(ctx, s.rules.waiting(wait), func(ts hlc.Timestamp) error {
		if now := s.trueNow(); wait && honest && ts.WallTime >= now {
			return fmt.Errorf("applied at true time %d, before %v had passed", now, ts)
		}
		return nil
	})
}

// judge: with the wait, and clocks that tell the truth, it may never happen; else it must, unless that is chance.
func judge(c clocks, wait bool, times int, it string) error {
	with := "without the wait"
	if wait {
		with = "with the wait"
	}
	switch safe := wait && c.honest; {
	case safe && times > 0:
		return fmt.Errorf("%s, clocks %s: %d times %s", with, c.name, times, it)
	case !safe && times == 0 && c.sure:
		return fmt.Errorf("%s, clocks %s: there should have been %s, and was not", with, c.name, it)
	}
	return nil
}
