package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// schema tags every object. Keys may be added within it, never removed or given
// another meaning.
const schema = "clockctl/v1"

// resultJSON is the object of probe; now prints it with status and without
// sources.
type resultJSON struct {
	Schema          string        `json:"schema"`
	Type            string        `json:"type,omitempty"` // ndjson only
	ReadAt          *string       `json:"read_at"`
	Interval        *intervalJSON `json:"interval"`
	FaultyTolerated *int          `json:"faulty_tolerated"`
	Agreed          int           `json:"agreed"`
	Status          string        `json:"status,omitempty"`
	Sources         *[]sourceJSON `json:"sources,omitempty"`
	Targets         *[]sourceJSON `json:"targets,omitempty"` // as sources, without a vote
	Basis           *basisJSON    `json:"basis,omitempty"`
	Error           *errorJSON    `json:"error,omitempty"`
	LeapPending     *string       `json:"leap_pending"` // insert or delete, if more domains announce it than may lie
}

type intervalJSON struct {
	Earliest    string `json:"earliest"`
	Latest      string `json:"latest"`
	Uncertainty int64  `json:"uncertainty_ns"`
}

type errorJSON struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Best    *int   `json:"best,omitempty"`
	Needed  *int   `json:"needed,omitempty"`
	Offset  *int   `json:"offset,omitempty"` // of the first wrong byte of a malformed timestamp
}

// sourceJSON always has all its keys; null is unknown.
type sourceJSON struct {
	Address        string      `json:"address"`
	State          string      `json:"state"`
	Reason         *string     `json:"reason"`
	Stratum        *uint8      `json:"stratum"`
	Leap           *string     `json:"leap"`
	Offset         *int64      `json:"offset_ns"`
	Delay          *int64      `json:"delay_ns"`
	ErrorBound     *int64      `json:"error_bound_ns"`
	RootDelay      *int64      `json:"root_delay_ns"`
	RootDispersion *int64      `json:"root_dispersion_ns"`
	Samples        int         `json:"samples"`
	Budget         *budgetJSON `json:"budget"`
	Detail         *string     `json:"detail"`
	Domain         string      `json:"domain"`
	ReferenceID    *string     `json:"reference_id"`
	Age            *int64      `json:"age_ns"`
	KernelGain     *int64      `json:"kernel_gain_ns"` // of the sample that binds the earliest side; null without a kernel stamp
}

// budgetJSON adds up to error_bound_ns.
type budgetJSON struct {
	HalfRoundTrip  int64 `json:"half_round_trip_ns"`
	HalfRootDelay  int64 `json:"half_root_delay_ns"`
	RootDispersion int64 `json:"root_dispersion_ns"`
	Precision      int64 `json:"precision_ns"`
	Rounding       int64 `json:"rounding_ns"`
	Margin         int64 `json:"margin_ns"`
	Ageing         int64 `json:"ageing_ns"`
}

// reportJSON builds the object of probe.
func reportJSON(r ntpprobe.Report) resultJSON {
	sources := sourcesJSON(r.Sources)
	o := resultJSON{
		Schema: schema, ReadAt: ptr(jsonTime(r.Instant.Wall)), FaultyTolerated: &r.Faulty,
		Sources: &sources, Error: newErrorJSON(judge(r)),
	}
	if r.Leap.Kind != ntpprobe.LeapNone {
		o.LeapPending = ptr(r.Leap.Kind.String())
	}
	if r.Err == nil {
		o.Agreed = r.Agreed()
		o.Interval, o.Basis = newIntervalJSON(r.Interval), newBasisJSON(r.Bound)
	}
	return o
}

// failedJSON is the object of a command that could not even measure.
func failedJSON(command, output, code string, err error) resultJSON {
	o := resultJSON{Schema: schema, Error: &errorJSON{Code: code, Message: firstLine(err)}}
	if output == "ndjson" {
		o.Type = "result"
	}
	if command == "watch" {
		o.Type = "update"
	}
	if command == "probe" {
		o.Sources = &[]sourceJSON{}
	} else {
		o.Status = truetime.Unsynchronized.String()
	}
	return o
}

func sourcesJSON(list []ntpprobe.SourceStatus) []sourceJSON {
	out := make([]sourceJSON, len(list))
	for i, s := range list {
		out[i] = newSourceJSON(s)
	}
	return out
}

func newIntervalJSON(i truetime.Interval) *intervalJSON {
	return &intervalJSON{Earliest: jsonTime(i.Earliest()), Latest: jsonTime(i.Latest()), Uncertainty: int64(i.Uncertainty())}
}

func newErrorJSON(err error) *errorJSON {
	var bad *badAnswer
	if !errors.As(err, &bad) {
		return nil
	}
	o := &errorJSON{Code: bad.code, Message: firstLine(bad)}
	var noQuorum *truetime.NoQuorumError
	if errors.As(err, &noQuorum) {
		o.Message, o.Best, o.Needed = noQuorum.Detail(), &noQuorum.Best, &noQuorum.Needed
	}
	var malformed *hlc.ParseError
	if errors.As(err, &malformed) {
		o.Message, o.Offset = firstLine(malformed), &malformed.Offset
	}
	return o
}

// failure is the object of any error: why a command did not begin, ended before its time, or has a bad answer;
// nil of nil.
func failure(err error) *errorJSON {
	if err == nil {
		return nil
	}
	return cmp.Or(newErrorJSON(err), &errorJSON{Code: errorCode(err), Message: firstLine(err)})
}

func newSourceJSON(s ntpprobe.SourceStatus) sourceJSON {
	o := sourceJSON{Address: canonical(s.Server), State: string(s.State), Samples: s.Samples, Domain: s.Domain}
	if s.Reason != "" {
		o.Reason, o.Detail = ptr(string(s.Reason)), ptr(s.Detail)
	}
	if h := s.Header; h != nil {
		o.Stratum, o.Leap, o.ReferenceID = &h.Stratum, ptr(h.Leap.String()), ptr(referenceID(h))
		o.RootDelay, o.RootDispersion = ns(h.RootDelay), ns(h.RootDispersion)
	}
	if e := s.Estimate; e != nil {
		o.Offset, o.Delay, o.ErrorBound, o.Age = ns(e.Offset), ns(e.Delay), ns(e.ErrorBound), ns(e.Age)
		o.Budget = newBudgetJSON(e.Budget)
		if e.KernelGain > 0 {
			o.KernelGain = ns(e.KernelGain)
		}
	}
	return o
}

func newBudgetJSON(b ntpprobe.Budget) *budgetJSON {
	return &budgetJSON{
		HalfRoundTrip: int64(b.HalfRoundTrip), HalfRootDelay: int64(b.HalfRootDelay), RootDispersion: int64(b.RootDispersion),
		Precision: int64(b.Precision), Rounding: int64(b.Rounding), Margin: int64(b.Margin), Ageing: int64(b.Ageing),
	}
}

// canonical is the address as host:port; the server was validated before.
func canonical(s ntpprobe.Server) string {
	if name, err := s.Canonical(); err == nil {
		return name
	}
	return s.Address
}

// writeJSON prints one object on one line.
func writeJSON(w io.Writer, object any) error { return json.NewEncoder(w).Encode(object) }

func ptr[T any](v T) *T { return &v }

func ns(d time.Duration) *int64 { return ptr(int64(d)) }
