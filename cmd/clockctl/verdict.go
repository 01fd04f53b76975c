package main

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/trueclock/trueclock/ntpprobe"
)

// level is what a monitoring plugin says, and the exit code it says it with. Source: Monitoring
// Plugins Development Guidelines, "Plugin Return Codes".
type level int

const (
	levelOK level = iota
	levelWarning
	levelCritical
	levelUnknown
)

func (l level) String() string { return [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}[l] }

// observation is what check judges: the object of now, how many sources there are, and what
// follows for the wall clock if there is an interval.
type observation struct {
	now    resultJSON
	total  int
	offset time.Duration // reference − wall clock
	worst  time.Duration // |offset| + uncertainty
}

func observe(r ntpprobe.Report) observation {
	o := observation{now: nowJSON(r), total: len(r.Sources)}
	if r.Err == nil {
		o.measure(r.Instant.Wall, r.Interval.Earliest(), r.Interval.Latest(), r.Interval.Uncertainty())
	}
	return o
}

// measure compares the wall clock with the interval. What is too much for a duration is its longest.
func (o *observation) measure(wall, earliest, latest time.Time, uncertainty time.Duration) {
	o.offset = earliest.Add(latest.Sub(earliest) / 2).Sub(wall)
	if o.worst = o.offset.Abs() + uncertainty; o.worst < uncertainty {
		o.worst = math.MaxInt64
	}
}

// verdict is the answer of check.
type verdict struct {
	level level
	text  string
	err   error // what stderr says, if that is not the text
	seen  *observation
}

func unknown(err error) verdict { return verdict{level: levelUnknown, text: firstLine(err), err: err} }

// judge compares the worst error with the limits.
func (c *checking) judge(o observation) verdict {
	if o.now.Interval == nil {
		v := verdict{level: levelCritical, text: noInterval(o.now.Error), seen: &o}
		if c.noInterval == "unknown" {
			v.level = levelUnknown
		}
		return v
	}
	v := verdict{text: fmt.Sprintf("local clock %s, worst error %s, %d of %d sources agree", humanOffset(o.offset), humanBound(o.worst), o.now.Agreed, o.total), seen: &o}
	limit := c.critical
	switch {
	case o.worst >= c.critical:
		v.level = levelCritical
	case o.worst >= c.warning:
		v.level, limit = levelWarning, c.warning
	}
	v.err = fmt.Errorf("the clock can be wrong by %s, the limit is %s; see clockctl doctor", humanBound(o.worst), humanDuration(limit))
	return v
}

// noInterval says why there is none.
func noInterval(e *errorJSON) string {
	if e == nil {
		return "there is no interval"
	}
	code := strings.ReplaceAll(e.Code, "_", " ")
	if strings.HasPrefix(e.Message, code) {
		return e.Message
	}
	return code + ": " + e.Message
}

// line is the plugin's answer: for people, and after the bar for graphs. What is unknown is left out.
func (c *checking) line(v verdict) string {
	text := strings.NewReplacer("|", "/", "\n", " ").Replace(v.text)
	line := fmt.Sprintf("CLOCK %s - %s", v.level, text)
	if v.seen == nil {
		return line
	}
	line += " |"
	if i := v.seen.now.Interval; i != nil {
		line += fmt.Sprintf(" 'error'=%ss;%s;%s;0; 'offset'=%ss;;; 'uncertainty'=%ss;;;0;",
			seconds(v.seen.worst), short(c.warning), short(c.critical), seconds(v.seen.offset), seconds(time.Duration(i.Uncertainty)))
	}
	return line + fmt.Sprintf(" 'agreed'=%d;;;0;%d", v.seen.now.Agreed, v.seen.total)
}

// seconds writes a duration exactly.
func seconds(d time.Duration) string {
	sign := ""
	if d < 0 {
		sign = "-"
	}
	whole, rest := d/time.Second, d%time.Second
	return fmt.Sprintf("%s%d.%09d", sign, whole.Abs(), rest.Abs())
}

// short is seconds without what says nothing.
func short(d time.Duration) string {
	return strings.TrimRight(strings.TrimRight(seconds(d), "0"), ".")
}

// checkJSON is the object of now and the verdict.
type checkJSON struct {
	resultJSON
	State        string `json:"state"` // ok, warning, critical, unknown
	SourcesTotal *int   `json:"sources_total"`
	Offset       *int64 `json:"offset_ns"`
	WorstError   *int64 `json:"worst_error_ns"` // |offset_ns| + uncertainty_ns
	Warning      int64  `json:"warning_ns"`
	Critical     int64  `json:"critical_ns"`
}

func (c *checking) object(v verdict) checkJSON {
	o := checkJSON{State: strings.ToLower(v.level.String()), Warning: int64(c.warning), Critical: int64(c.critical)}
	if v.seen == nil {
		o.resultJSON = failedJSON("check", "json", c.code(v.err), v.err)
		return o
	}
	o.resultJSON, o.SourcesTotal = v.seen.now, &v.seen.total
	if o.Interval == nil {
		return o
	}
	if o.Offset, o.WorstError = ns(v.seen.offset), ns(v.seen.worst); v.level != levelOK {
		o.Error = &errorJSON{Code: "limit", Message: firstLine(v.err)}
	}
	return o
}

// code is that of an error without an observation.
func (c *checking) code(err error) string {
	if errors.As(err, new(*serveError)) {
		return "serve"
	}
	return errorCode(err)
}
