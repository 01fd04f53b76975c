package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/trueclock/trueclock/truetime"
)

// uncertainty shows the interval next to the known truth, at once and while it ages.
func uncertainty(ctx context.Context, s *stage) error {
	r, err := s.measure(ctx)
	if err != nil {
		return err
	}
	if err := s.show(r); err != nil {
		return err
	}
	clock := truetime.New(s.local, truetime.Options{})
	if err := clock.Update(r.Bound, nil); err != nil {
		return err
	}
	const reads = 1000
	for range reads {
		before := s.trueNow()
		now, err := clock.Now()
		if err != nil {
			return err
		}
		if after := s.trueNow(); now.LatestUnixNano() < before || now.EarliestUnixNano() > after {
			return fmt.Errorf("true time was in [%d, %d] ns, and the interval was %v", before, after, now)
		}
	}
	truth := time.Unix(0, s.trueAt(r.Instant.Before)).UTC()
	if !r.Interval.Contains(truth) {
		return fmt.Errorf("the true time %v is outside %v", truth, r.Interval)
	}
	if r.Interval.Contains(r.Instant.Wall) {
		return fmt.Errorf("this machine's clock should be wrong by %v, but the interval contains it", ahead)
	}
	s.say("\n   known truth   %s, inside the interval, and inside %d more of them", truth.Format("2006-01-02 15:04:05.000000 Z"), reads)
	s.say("   OS clock      %s, outside", r.Instant.Wall.Format("2006-01-02 15:04:05.000000 Z"))
	return nil
}
