package ntpprobe

import (
	"errors"
	"time"
)

// publicFloor is the shortest regular pause between two exchanges with somebody
// else's server. RFC 4330 §10 asks for at least 15 s.
const publicFloor = 16 * time.Second

// A burst to somebody else's server is at most four exchanges two seconds apart, once
// in ten minutes.
const (
	publicBurst         = 4
	publicBurstInterval = 2 * time.Second
	publicBurstEvery    = 10 * time.Minute
)

// PollPolicy says how often servers are asked. Zero fields mean the defaults.
type PollPolicy struct {
	MinPoll time.Duration // the regular pause; default 64 s, at least 16 s unless the server is private
	MaxPoll time.Duration // the longest pause after losses or RATE; default 1024 s
	Timeout time.Duration // one exchange, resolving and dialling included; default 1 s

	Burst         int           // quick exchanges at start and after an epoch ended; default 4
	BurstInterval time.Duration // pause within a burst; default 2 s
	BurstEvery    time.Duration // at most one burst in this time; default 10 min
}

func (p PollPolicy) withDefaults() PollPolicy {
	setDefault(&p.MinPoll, 64*time.Second)
	setDefault(&p.MaxPoll, 1024*time.Second)
	setDefault(&p.Timeout, DefaultTimeout)
	setDefault(&p.Burst, 4)
	setDefault(&p.BurstInterval, 2*time.Second)
	setDefault(&p.BurstEvery, 10*time.Minute)
	return p
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (p PollPolicy) validate() error {
	switch {
	case p.MinPoll < time.Millisecond || p.BurstInterval < time.Millisecond || p.Timeout < time.Millisecond:
		return &ConfigError{"poll", "pauses and the time-out must be at least 1 ms"}
	case p.MaxPoll < p.MinPoll:
		return &ConfigError{"poll", "the longest pause is shorter than the regular one"}
	case p.Burst < 1 || p.Burst > 16:
		return &ConfigError{"poll", "a burst must have 1 to 16 exchanges"}
	case p.BurstEvery < 0:
		return &ConfigError{"poll", "the time between bursts cannot be negative"}
	}
	return nil
}

// schedule decides when one server is asked again. It is pure: outcomes come
// in, pauses go out.
type schedule struct {
	policy PollPolicy
	poll   time.Duration // the regular pause, doubled for good by each RATE
	lost   int           // exchanges without a reply in a row, outside bursts
	burst  int           // quick exchanges left
	rated  bool          // the server said RATE: no more bursts
	floor  time.Duration // of a regular pause, jitter included
}

// newSchedule begins with a burst, of which the first exchange is due now.
func newSchedule(policy PollPolicy, private bool) *schedule {
	s := &schedule{policy: policy, poll: policy.MinPoll, burst: policy.Burst - 1}
	if !private {
		s.floor = publicFloor
		s.poll = max(s.poll, publicFloor)
		s.policy.MaxPoll = max(s.policy.MaxPoll, publicFloor)
		s.policy.BurstInterval = max(s.policy.BurstInterval, publicBurstInterval)
		s.policy.BurstEvery = max(s.policy.BurstEvery, publicBurstEvery)
		s.burst = min(s.burst, publicBurst-1)
	}
	return s
}

// after returns the pause that follows an exchange with this outcome. It is
// false if the server must not be asked again.
func (s *schedule) after(outcome error) (time.Duration, bool) {
	var rejected *RejectedError
	switch {
	case errors.As(outcome, &rejected) && rejected.Reason.permanent():
		return 0, false
	case errors.As(outcome, &rejected) && rejected.Reason.KissCode() == "RATE":
		s.poll = min(2*s.poll, s.policy.MaxPoll)
		s.rated, s.burst = true, 0
		return s.poll, true
	case s.burst > 0:
		s.burst--
		return s.policy.BurstInterval, true
	case outcome != nil && !answered(outcome):
		s.lost++
		return s.backedOff(), true
	}
	s.lost = 0
	return s.poll, true
}

// backedOff doubles the pause with every loss up to MaxPoll.
func (s *schedule) backedOff() time.Duration {
	pause := s.poll
	for i := 0; i < s.lost && pause < s.policy.MaxPoll; i++ {
		pause *= 2
	}
	return min(pause, s.policy.MaxPoll)
}

// startBurst begins a new burst unless the server said RATE or the last burst
// began less than BurstEvery ago. It reports whether to ask at once.
func (s *schedule) startBurst(sinceLast time.Duration) bool {
	if s.rated || sinceLast < s.policy.BurstEvery {
		return false
	}
	s.burst = s.policy.Burst - 1
	if s.floor > 0 {
		s.burst = min(s.burst, publicBurst-1)
	}
	return true
}

// jitter spreads a pause by ±5 %, so that many clients do not march in step, and keeps
// a regular one at the floor. u is uniform in [0, 1).
func (s *schedule) jitter(pause time.Duration, u float64) time.Duration {
	spread := pause + time.Duration((2*u-1)*0.05*float64(pause))
	return max(spread, min(pause, s.floor))
}
