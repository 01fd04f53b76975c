package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/trueclock/trueclock/truetime"
)

// moments are those of a serve's object that has an interval.
type moments struct{ read, earliest, latest time.Time }

// codeForm is what the code of an error looks like.
var codeForm = regexp.MustCompile(`^[a-z_]+$`)

// checkServed checks an object of /api/v1/interval, whoever made it, and gives what will be
// printed of it our own form. Without an interval there must be an error.
func checkServed(o *resultJSON) (m moments, err error) {
	states := []string{truetime.Synchronized.String(), truetime.Holdover.String(), truetime.Unsynchronized.String(), truetime.Disrupted.String()}
	switch {
	case o.Schema != schema:
		return m, fmt.Errorf("the schema is %q, not %q", o.Schema, schema)
	case o.Interval == nil && o.Error == nil:
		return m, errors.New("neither an interval nor an error")
	case o.Error != nil && (!codeForm.MatchString(o.Error.Code) || o.Error.Message == ""):
		return m, errors.New("the error has no code or no message")
	case !slices.Contains(states, o.Status):
		return m, fmt.Errorf("the status is %q", o.Status)
	case o.LeapPending != nil && *o.LeapPending != "insert" && *o.LeapPending != "delete":
		return m, fmt.Errorf("the leap second is %q", *o.LeapPending)
	case o.Interval != nil && o.ReadAt == nil:
		return m, errors.New("read_at is missing")
	}
	if o.Error != nil {
		o.Error.Message = visible(o.Error.Message)
	}
	if o.ReadAt != nil {
		if m.read, err = servedMoment(o.ReadAt); err != nil {
			return m, err
		}
	}
	if o.Interval != nil {
		err = m.ends(o.Interval)
	}
	return m, err
}

// ends reads those of the interval, and returns an error if they do not fit each other.
func (m *moments) ends(i *intervalJSON) (err error) {
	if m.earliest, err = servedMoment(&i.Earliest); err != nil {
		return err
	}
	if m.latest, err = servedMoment(&i.Latest); err != nil {
		return err
	}
	switch width := m.latest.Sub(m.earliest); {
	case width < 0:
		return errors.New("the interval is inverted")
	case i.Uncertainty < int64(width/2+width%2):
		return errors.New("the uncertainty is less than half the interval")
	}
	return nil
}

// servedMoment reads a moment of the years whose differences a duration can hold, and rewrites it.
func servedMoment(text *string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339Nano, *text)
	if err == nil {
		at = at.UTC()
	}
	if err != nil || at.Year() < 1970 || at.Year() > 2099 {
		return time.Time{}, fmt.Errorf("%q is no moment from 1970 to 2099", *text)
	}
	*text = jsonTime(at)
	return at, nil
}
