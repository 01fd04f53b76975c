package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// ε is the uncertainty of the two nodes of the lesson.
const ε = 5 * time.Millisecond

// commitWait lets two nodes commit one after the other. Both intervals are true; one node's is as
// far ahead as it may be, the other's as far behind.
func commitWait(ctx context.Context, s *stage) error {
	fast, err := s.node(+ε)
	if err != nil {
		return err
	}
	slow, err := s.node(-ε)
	if err != nil {
		return err
	}
	if err := s.withoutWait(fast, slow); err != nil {
		return err
	}
	first, waited, err := s.commit(ctx, fast)
	if err != nil {
		return err
	}
	second, _, err := s.commit(ctx, slow) // begins after the first was acknowledged
	if err != nil {
		return err
	}
	if !first.Before(second) {
		return fmt.Errorf("%v was acknowledged before %v began", first, second)
	}
	s.say("   with wait     %v < %v: the order of real time, for a wait of %v (2ε is %v)", first, second, waited.Round(10*time.Microsecond), 2*ε)
	return s.commitOnTheFleet(ctx)
}

// node returns a clock whose interval is the true time + lean ± ε.
func (s *stage) node(lean time.Duration) (*truetime.Clock, error) {
	r, err := s.local.Read()
	if err != nil {
		return nil, err
	}
	middle := s.trueAt(r) + int64(lean)
	clock := truetime.New(s.local, truetime.Options{})
	return clock, clock.Update(truetime.Bound{
		At:       r,
		Earliest: truetime.Line{At: r.Nanos, Nanos: middle - int64(ε)},
		Latest:   truetime.Line{At: r.Nanos, Nanos: middle + int64(ε)},
		Expires:  r.Nanos + int64(time.Minute),
	}, nil)
}

// withoutWait stamps two transactions at latest and acknowledges them at once.
func (s *stage) withoutWait(fast, slow *truetime.Clock) error {
	first, err := fast.Now()
	if err != nil {
		return err
	}
	second, err := slow.Now() // in real time after the first
	if err != nil {
		return err
	}
	if second.LatestUnixNano() > first.LatestUnixNano() {
		return errors.New("without the wait the order should have been lost")
	}
	s.say("   without wait  the second transaction is stamped %v before the first", time.Duration(first.LatestUnixNano()-second.LatestUnixNano()).Round(10*time.Microsecond))
	return nil
}

func (s *stage) commit(ctx context.Context, clock *truetime.Clock) (hlc.Timestamp, time.Duration, error) {
	committer, err := commitwait.New(clock, nil, commitwait.Options{MaxWait: time.Second})
	if err != nil {
		return hlc.Timestamp{}, 0, err
	}
	began := time.Now()
	ts, err := committer.Commit(ctx, func(_ context.Context, ts hlc.Timestamp) error {
		if now := s.trueNow(); ts.WallTime >= now {
			return fmt.Errorf("applied at true time %d, before %v had passed", now, ts)
		}
		return nil
	})
	return ts, time.Since(began), err
}

// commitOnTheFleet commits with the interval that was measured.
func (s *stage) commitOnTheFleet(ctx context.Context) error {
	r, err := s.measure(ctx)
	if err != nil {
		return err
	}
	clock := truetime.New(s.local, truetime.Options{})
	if err := clock.Update(r.Bound, nil); err != nil {
		return err
	}
	now, err := clock.Now()
	if err != nil {
		return err
	}
	ts, waited, err := s.commit(ctx, clock)
	if err != nil {
		return err
	}
	s.say("   on the fleet  committed at %v after a wait of %v (±%v)", ts, waited.Round(10*time.Microsecond), now.Uncertainty().Round(10*time.Microsecond))
	return nil
}
