package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/trueclock/trueclock/internal/fleet"
	"github.com/trueclock/trueclock/ntpprobe"
)

// overlapping are four servers, one of which lies. Each claims that true time is within dispersion of what it says; of
// the honest ones that is so.
var overlapping = []struct{ offset, dispersion time.Duration }{
	{4 * time.Millisecond, 20 * time.Millisecond},
	{-8 * time.Millisecond, 16 * time.Millisecond},
	{14 * time.Millisecond, 22 * time.Millisecond},
	{9 * time.Millisecond, 3 * time.Millisecond}, // lies
}

// deepestOverlap: where most servers agree is not where the truth is. A liar that overlaps the honest ones beside the truth pulls
// the deepest overlap to its side; the hull of all points that enough servers share keeps the truth.
func deepestOverlap(ctx context.Context, s *stage) error {
	var servers []ntpprobe.Server
	for _, o := range overlapping {
		server, err := fleet.Start(fleet.Config{Now: s.trueNow, Offset: o.offset, RootDispersion: o.dispersion})
		if err != nil {
			return err
		}
		defer server.Close()
		servers = append(servers, ntpprobe.Server{Address: server.Addr()})
	}
	r, err := ntpprobe.Measure(ctx, ntpprobe.MeasureOptions{
		Servers: servers, Local: s.local, Samples: 8, Interval: 10 * time.Millisecond, Timeout: time.Second,
	})
	if err != nil {
		return err
	}
	if r.Err != nil {
		return r.Err
	}
	truth := s.trueAt(r.Instant.Before)
	// Offsets of an end from the truth.
	from := func(nanos int64) time.Duration { return time.Duration(nanos - truth) }
	deepest := [2]time.Duration{-time.Hour, time.Hour}
	t := newTable("SERVER", "SAYS THE TRUE TIME IS", "")
	for i, source := range r.Sources {
		low, high := from(source.Estimate.Interval.EarliestUnixNano()), from(source.Estimate.Interval.LatestUnixNano())
		deepest[0], deepest[1] = max(deepest[0], low), min(deepest[1], high)
		note := ""
		if i == len(overlapping)-1 {
			note = "lies"
		}
		t.row(fmt.Sprint(i+1), between(low, high), note)
	}
	t.print(s)
	low, high := from(r.Interval.EarliestUnixNano()), from(r.Interval.LatestUnixNano())
	s.say("   all four share    %s   the truth is not in it", between(deepest[0], deepest[1]))
	s.say("   hull of any three %s   the truth is in it", between(low, high))
	switch {
	case deepest[0] > deepest[1]:
		return fmt.Errorf("the four should share a moment, and do not: %s", between(deepest[0], deepest[1]))
	case deepest[0] <= 0 && deepest[1] >= 0:
		return fmt.Errorf("the deepest overlap should miss the truth, and is %s", between(deepest[0], deepest[1]))
	case low > 0 || high < 0:
		return fmt.Errorf("the hull should contain the truth, and is %s", between(low, high))
	}
	return nil
}

// between tells a range of moments by what they are from the truth.
func between(low, high time.Duration) string {
	return fmt.Sprintf("%s to %s", signed(low), signed(high))
}

// signed is a duration after the truth, or before it.
func signed(d time.Duration) string {
	return fmt.Sprintf("truth %+.2f ms", float64(d)/float64(time.Millisecond))
}
