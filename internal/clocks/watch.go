package clocks

import (
	"context"
	"time"
)

// Period is how often Watch looks.
const Period = 100 * time.Millisecond

// Watch reads a sandwich each Period until the context ends, adds them to what is known, and
// calls notice with each event. It returns what is known then, and an error only if a clock
// cannot be read.
func Watch(ctx context.Context, read func() (Sandwich, error), known Judge, notice func(Event)) (Judge, error) {
	ticker := time.NewTicker(Period)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return known, nil
		case <-ticker.C:
		}
		s, err := read()
		if err != nil {
			return known, err
		}
		var events []Event
		known, events = known.Next(s)
		for _, e := range events {
			notice(e)
		}
	}
}
