package shard

import (
	"context"
	"time"

	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// skewed is a local clock that begins anywhere and runs wrong: within what is assumed of it, as a quartz does.
type skewed struct {
	truetime.LocalClock
	began, zero int64
	ratePPB     int64
}

func newSkewed(zero, ratePPB int64) (*skewed, error) {
	local, err := truetime.NewLocalClock()
	if err != nil {
		return nil, err
	}
	r, err := local.Read()
	return &skewed{local, r.Nanos, zero, ratePPB}, err
}

func (s *skewed) Read() (truetime.Reading, error) {
	r, err := s.LocalClock.Read()
	passed := r.Nanos - s.began
	r.Nanos = s.zero + passed + int64(float64(passed)*float64(s.ratePPB)/1e9)
	return r, err
}

// startClock returns a clock that is synchronised, and kept so by a prober until ctx ends; done is closed after that.
func startClock(ctx context.Context, c Config) (_ *truetime.Clock, done <-chan struct{}, err error) {
	local, err := newSkewed(c.ClockZero, c.ClockPPB)
	if err != nil {
		return nil, nil, err
	}
	prober, err := ntpprobe.New(ntpprobe.Config{
		Servers: ntpprobe.Servers(c.TimeServers...), Local: local,
		Poll: ntpprobe.PollPolicy{MinPoll: 250 * time.Millisecond, MaxPoll: time.Second, Timeout: 500 * time.Millisecond, Burst: 4, BurstInterval: 5 * time.Millisecond},
	})
	if err != nil {
		return nil, nil, err
	}
	clock := truetime.New(local, truetime.Options{})
	publish := clock.Update
	if c.Break == Narrow {
		publish = func(b truetime.Bound, reason error) error { return clock.Update(narrowed(b), reason) }
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = prober.Run(ctx, publish) // it ends with ctx and for no other reason
	}()
	return clock, ended, clock.WaitSynchronized(ctx, 0)
}
