package ntpprobe

import (
	"fmt"
	"time"

	"github.com/trueclock/trueclock/truetime"
)

// DefaultWanderPPB is the wander V in parts per billion: 15 ppm, the frequency
// tolerance PHI of RFC 5905.
const DefaultWanderPPB = 15_000

// FaultyNone asks for f = 0: every server is believed. HAZARD: one liar is then
// enough to make the interval wrong, or to take it away.
const FaultyNone = -1

// Assumptions are what a bound rests on. The zero value means the defaults.
type Assumptions struct {
	// Faulty is f, the number of failure domains that may lie. 0 chooses
	// DefaultFaulty of the number of domains; FaultyNone is f = 0. It is fixed
	// when the estimator is made and never lowered by what the servers say.
	Faulty int
	// DriftPPB is D, the most by which the local clock may run wrong, in parts
	// per billion. Default truetime.DefaultDriftPPB.
	DriftPPB int64
	// WanderPPB is V, how far the local clock's rate may stray from one fixed rate
	// within Window and MaxAge, in parts per billion. Default 15 000, and never
	// more than DriftPPB; equal to DriftPPB it assumes nothing beyond the drift.
	WanderPPB int64
	// Window is how long a constraint is used. Default 1 h.
	Window time.Duration
	// MaxSamples bounds the memory per server and side. Default 128.
	MaxSamples int
	// MaxAge is how long a bound stays valid after the newest sample of the
	// (f+1)-th newest domain. Default 1 h.
	MaxAge time.Duration
	// Leap is what is published around a leap second that is announced, from MaxAge and
	// 1 s before it. Default LeapWiden.
	Leap LeapPolicy
	// Limits are the largest values a sample may have.
	Limits Limits
}

// longest is how far ahead a bound can be computed without overflow, and far beyond
// what any local clock is good for.
const longest = 366 * 24 * time.Hour

// mostFaulty is beyond any real configuration, and far from overflow.
const mostFaulty = 10_000

// DefaultFaulty returns the f for a number of failure domains: ⌊(n − 1)/3⌋, and
// 1 for three domains, which survive one liar although none of the honest ones
// then limits the width.
func DefaultFaulty(domains int) int {
	if domains == 3 {
		return 1
	}
	return max(0, (domains-1)/3)
}

// Domains returns the number of failure domains that the servers name, before
// anything is resolved.
func Domains(servers []Server) int {
	names := map[string]bool{}
	for _, s := range servers {
		names[s.FailureDomain()] = true
	}
	return len(names)
}

// resolve fills in the defaults and returns f. It returns a [*ConfigError] or
// an [*AddressError] for what cannot work, before any packet is sent.
func (a Assumptions) resolve(servers []Server) (Assumptions, int, error) {
	a = a.withDefaults()
	switch {
	case a.DriftPPB < 1 || a.DriftPPB > 100_000_000:
		return a, 0, &ConfigError{"drift", fmt.Sprintf("%d ppb is not from 1 ppb to 100 000 ppm", a.DriftPPB)}
	case a.WanderPPB < 1 || a.WanderPPB > a.DriftPPB:
		return a, 0, &ConfigError{"wander", fmt.Sprintf("%d ppb is not from 1 ppb to the drift of %d ppb", a.WanderPPB, a.DriftPPB)}
	case a.Window < time.Second || a.MaxAge < time.Second:
		return a, 0, &ConfigError{"window", "the window and the maximum age must be at least 1 s"}
	case a.Window > longest || a.MaxAge > longest:
		return a, 0, &ConfigError{"window", fmt.Sprintf("the window and the maximum age must be at most %v", longest)}
	case a.MaxSamples < 2:
		return a, 0, &ConfigError{"max samples", "at least 2 samples must be kept"}
	case a.Leap != LeapWiden && a.Leap != LeapRefuse:
		return a, 0, &ConfigError{"leap", fmt.Sprintf("policy %d is neither LeapWiden nor LeapRefuse", a.Leap)}
	case a.Limits.MaxRTT < 0 || a.Limits.MaxRootDistance < 0:
		return a, 0, &ConfigError{"limits", "they cannot be negative"}
	}
	if err := checkServers(servers); err != nil {
		return a, 0, err
	}
	f, err := faulty(a.Faulty, Domains(servers))
	return a, f, err
}

func (a Assumptions) withDefaults() Assumptions {
	if a.DriftPPB == 0 {
		a.DriftPPB = truetime.DefaultDriftPPB
	}
	if a.WanderPPB == 0 {
		a.WanderPPB = min(DefaultWanderPPB, a.DriftPPB)
	}
	if a.Window == 0 {
		a.Window = time.Hour
	}
	if a.MaxAge == 0 {
		a.MaxAge = time.Hour
	}
	if a.MaxSamples == 0 {
		a.MaxSamples = 128
	}
	a.Limits = a.Limits.withDefaults()
	return a
}

// checkServers refuses none at all, addresses that cannot be used, the same server
// twice, which would count one opinion as two, and different time scales.
func checkServers(servers []Server) error {
	if len(servers) == 0 {
		return &ConfigError{"servers", "none given; name at least one, such as time.example.com"}
	}
	seen := map[string]string{}
	for _, s := range servers {
		name, err := s.Canonical()
		if err != nil {
			return err
		}
		if before, ok := seen[name]; ok {
			return &AddressError{s.Address, fmt.Sprintf("the same server is given twice (%s and %s)", before, s.Address)}
		}
		seen[name] = s.Address
	}
	return checkSmear(servers)
}

// faulty turns the wish into f and refuses one that the domains cannot carry.
func faulty(wish, domains int) (int, error) {
	f := wish
	switch {
	case wish == 0:
		f = DefaultFaulty(domains)
	case wish == FaultyNone:
		f = 0
	case wish < 0:
		return 0, &ConfigError{"faulty", fmt.Sprintf("%d is negative", wish)}
	case wish > mostFaulty:
		return 0, &ConfigError{"faulty", fmt.Sprintf("%d is more than %d", wish, mostFaulty)}
	}
	if need := 2*f + 1; domains < need {
		return 0, &ConfigError{"servers", fmt.Sprintf("%d failure domains are named, at least %d are needed if %d may lie; name more, or tolerate fewer", domains, need, f)}
	}
	return f, nil
}
