package main

import (
	"errors"
	"fmt"

	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// at is a bound as a report: what it says now.
func at(local truetime.LocalClock, b truetime.Bound, reason error, faulty int) ntpprobe.Report {
	r := ntpprobe.Report{Bound: b, Err: reason, Faulty: faulty}
	instant, err := ntpprobe.ReadInstant(local)
	if err != nil {
		r.Err = err
		return r
	}
	r.Instant = instant
	if b == (truetime.Bound{}) {
		return r
	}
	r.Interval, r.Err = instant.Interval(b) // also in holdover: the bound is still true
	return r
}

// missing returns what a report lacks of what was asked for, as the error to end with, or nil.
func (w *waiting) missing(r ntpprobe.Report) error {
	var lack string
	switch {
	case r.Err == nil && (w.maxUncertainty == 0 || r.Interval.Uncertainty() <= w.maxUncertainty):
		return nil
	case r.Err == nil:
		lack = w.width(r) + "; ask nearer servers, or more of them"
	case unwilling(r):
		return &codedError{exitNever, &badAnswer{code: "no_quorum", err: r.Err, text: "can never succeed: so many servers answer that they do not want to be asked (DENY) that the others are too few; name other servers"}}
	case errors.Is(r.Err, truetime.ErrUnsynchronized):
		lack = "no server has answered yet; see clockctl doctor"
	default:
		lack = firstLine(judge(r))
	}
	how := "tried once"
	if w.limit > 0 {
		how = fmt.Sprintf("timed out after %v", w.limit)
	}
	return &codedError{exitTimedOut, &badAnswer{code: "timeout", err: r.Err, text: how + ": " + lack}}
}

// unwilling reports whether so many failure domains do not want to be asked again that the others
// are no quorum, whatever they say. One that said something before counts among the others.
func unwilling(r ntpprobe.Report) bool {
	willing := map[string]bool{}
	for _, s := range r.Sources {
		if code := s.Reason.KissCode(); code != "DENY" && code != "RSTR" {
			willing[s.Domain] = true
		}
	}
	return len(r.Sources) > 0 && len(willing) < 2*r.Faulty+1
}

func (w *waiting) width(r ntpprobe.Report) string {
	return fmt.Sprintf("±%s, at most ±%s wanted", humanBound(r.Interval.Uncertainty()), humanDuration(w.maxUncertainty))
}

// try is a report in a few words.
func (w *waiting) try(r ntpprobe.Report) string {
	switch {
	case r.Err != nil:
		return firstLine(judge(r))
	case w.maxUncertainty == 0:
		return "±" + humanBound(r.Interval.Uncertainty())
	}
	return w.width(r)
}

// waitJSON is the object of now and what was waited for.
type waitJSON struct {
	resultJSON
	MaxUncertainty *int64 `json:"max_uncertainty_ns"` // null: any
}

// failed prints the JSON object of a wait that did not begin.
func (w *waiting) failed(s streams, json bool, err error) error {
	if !json {
		return err
	}
	return errors.Join(err, writeJSON(s.out, waitJSON{resultJSON: failedJSON("wait", "json", errorCode(err), err)}))
}

func (w *waiting) print(s streams, r ntpprobe.Report, outcome error) error {
	if w.output != "json" {
		if outcome != nil {
			return nil // stderr says why
		}
		return printNow(s, &w.probing, r, nil)
	}
	o := waitJSON{resultJSON: nowJSON(r)}
	if o.Error = failure(outcome); w.maxUncertainty > 0 {
		o.MaxUncertainty = ns(w.maxUncertainty)
	}
	return writeJSON(s.out, o)
}
