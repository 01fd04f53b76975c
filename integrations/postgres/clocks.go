package main

import (
	"time"

	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

// leaning returns clocks that say "the time of day + lean, ± ε", one for each lean: stand-ins for the clocks of machines that are wrong by so much, and
// right about ε if no lean is larger. They follow one local clock from one moment, so that their differences are exact.
func leaning(ε time.Duration, leans ...time.Duration) ([]*truetime.Clock, error) {
	local, err := truetime.NewLocalClock()
	if err != nil {
		return nil, err
	}
	r, err := local.Read()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	clocks := make([]*truetime.Clock, len(leans))
	for i, lean := range leans {
		clocks[i] = truetime.New(local, truetime.Options{})
		if err := clocks[i].Update(truetimetest.Around(r, now.Add(lean).UnixNano(), ε, 0), nil); err != nil {
			return nil, err
		}
	}
	return clocks, nil
}
