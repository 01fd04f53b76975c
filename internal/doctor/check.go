package doctor

import (
	"fmt"
	"math"
	"time"
)

// Status is the outcome of a check.
type Status int

// The outcomes. Fail is for what makes answers wrong or takes them away; Warn for what may, or
// makes them weaker than they look.
const (
	OK Status = iota
	Warn
	Fail
	Skip // it could not be looked at
)

func (s Status) String() string { return [...]string{"ok", "warn", "fail", "skip"}[s] }

// Check is one finding. All texts are for people; the name is stable.
type Check struct {
	Name   string
	Status Status
	Value  string // what was found
	Limit  string // what it should be
	Why    string // it matters
	Do     string // what to do if it is not as it should be
}

// found returns the check with its outcome.
func (c Check) found(s Status, format string, a ...any) Check {
	c.Status, c.Value = s, fmt.Sprintf(format, a...)
	return c
}

// warnIf chooses between Warn and OK.
func warnIf(bad bool) Status {
	if bad {
		return Warn
	}
	return OK
}

// digits is the step between durations of four digits near d.
func digits(d time.Duration) time.Duration {
	step := time.Duration(1)
	for d.Abs()/step >= 10_000 {
		step *= 10
	}
	return step
}

// short is a duration with four digits.
func short(d time.Duration) time.Duration { return d.Round(digits(d)) }

// atLeast is a duration, not negative, with four digits and not more than it is.
func atLeast(d time.Duration) time.Duration { return d.Truncate(digits(d)) }

// atMost is one that is not less.
func atMost(d time.Duration) time.Duration {
	if s := atLeast(d); s < d && d <= math.MaxInt64-digits(d) {
		return s + digits(d)
	}
	return d
}

// ppm says a rate, as a ratio, in words: positive is faster.
func ppm(ratio float64) string {
	switch {
	case ratio > 0:
		return fmt.Sprintf("%.3f ppm faster", ratio*1e6)
	case ratio < 0:
		return fmt.Sprintf("%.3f ppm slower", -ratio*1e6)
	}
	return "0 ppm"
}

func percent(ratio float64) string { return fmt.Sprintf("%.2f %%", ratio*100) }

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
