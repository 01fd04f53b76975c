package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/trueclock/trueclock/hlc"
)

// backstep: an administrator sets the clock back by an hour between two events. Identifiers made of the time of day repeat; a hybrid clock
// counts on where it was, and follows the time again once that has come back.
func backstep(_ context.Context, s *stage) error {
	const tick = int64(time.Millisecond)
	noon := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC).UnixNano()
	wall, truth := noon, noon
	clock, err := hlc.New(hlc.Options{Physical: func() int64 { return wall }})
	if err != nil {
		return err
	}
	naive := map[int64]bool{}
	var last hlc.Timestamp
	repeated, highest := 0, uint32(0)
	event := func() (hlc.Timestamp, error) {
		ts := clock.Now()
		switch id := wall / tick; {
		case !ts.After(last):
			return ts, fmt.Errorf("%v does not come after %v", ts, last)
		case naive[id]:
			repeated++
		default:
			naive[id] = true
		}
		last, highest = ts, max(highest, ts.Logical)
		truth, wall = truth+tick, wall+tick
		return ts, nil
	}
	tell := func(what string) error {
		shown := clockFace(wall)
		ts, err := event()
		s.say("   %-22s wall clock %s   hybrid clock %s", what, shown, hybridFace(ts))
		return err
	}

	wall -= int64(time.Hour)
	for range 5 { // events of the hour before
		if _, err := event(); err != nil {
			return err
		}
	}
	wall = noon
	if err := tell("at noon"); err != nil {
		return err
	}
	wall -= int64(time.Hour)
	if err := tell("set back by an hour"); err != nil {
		return err
	}
	for range 3 {
		if _, err := event(); err != nil {
			return err
		}
	}
	if err := tell("four events later"); err != nil {
		return err
	}
	if repeated == 0 {
		return errors.New("identifiers made of the time of day should have repeated")
	}
	if last.WallTime != noon || last.Logical == 0 {
		return fmt.Errorf("the hybrid clock should count on at noon, and is at %v", last)
	}
	wall += int64(time.Hour) + tick
	if err := tell("an hour later"); err != nil {
		return err
	}
	if last.Logical != 0 {
		return fmt.Errorf("the time has come back, and the hybrid clock still counts: %v", last)
	}
	s.say("\n   identifiers of the time of day: %d given out twice; hybrid timestamps: 0, and the highest count was %d", repeated, highest)
	return nil
}

// clockFace is a time of day to the millisecond.
func clockFace(unixNano int64) string { return time.Unix(0, unixNano).UTC().Format("15:04:05.000") }

// hybridFace is a timestamp with a time of day for its wall part.
func hybridFace(ts hlc.Timestamp) string {
	return fmt.Sprintf("%s,%d", clockFace(ts.WallTime), ts.Logical)
}
