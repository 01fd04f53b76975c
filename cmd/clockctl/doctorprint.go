package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/trueclock/trueclock/internal/doctor"
)

// badge is how a status is drawn.
var badge = map[doctor.Status]struct{ text, color string }{
	doctor.OK:   {"[ OK ]", "32"},
	doctor.Warn: {"[WARN]", "33"},
	doctor.Fail: {"[FAIL]", "31"},
	doctor.Skip: {"[SKIP]", "39"},
}

// pageWidth is where texts are wrapped: a terminal of 80 columns shows them as they are.
const pageWidth = 79

func (e *examination) print(s streams, checks []doctor.Check, outcome error) error {
	if e.output == "json" {
		return writeJSON(s.out, newDoctorJSON(checks, outcome))
	}
	out := &strings.Builder{}
	width := 0
	for _, c := range checks {
		width = max(width, len(c.Name))
	}
	counts := map[doctor.Status]int{}
	for _, c := range checks {
		counts[c.Status]++
		mark := badge[c.Status]
		fmt.Fprintf(out, "%s ", paint(mark.text, mark.color, e.colored(s)))
		text := c.Value
		if c.Limit != "" {
			text += " (limit: " + c.Limit + ")"
		}
		wrap(out, fmt.Sprintf("%-*s", width, c.Name), len(mark.text)+1, text)
		if c.Status == doctor.Warn || c.Status == doctor.Fail || e.output == "wide" {
			fmt.Fprint(out, "       ")
			wrap(out, fmt.Sprintf("%*s", width, "why"), len(mark.text)+1, c.Why)
			fmt.Fprint(out, "       ")
			wrap(out, fmt.Sprintf("%*s", width, "do"), len(mark.text)+1, c.Do)
		}
	}
	fmt.Fprintf(out, "%d checks: %d ok, %d warned, %d failed, %d skipped\n", len(checks), counts[doctor.OK], counts[doctor.Warn], counts[doctor.Fail], counts[doctor.Skip])
	_, err := io.WriteString(s.out, out.String())
	return err
}

// wrap writes a label, behind as many columns as are written already, and a text beside it.
func wrap(w io.Writer, label string, written int, text string) {
	margin := written + len(label)
	fmt.Fprint(w, label)
	at := margin
	for word := range strings.FieldsSeq(text) {
		length := 1 + utf8.RuneCountInString(word)
		if at+length > pageWidth && at > margin {
			fmt.Fprintf(w, "\n%*s", margin, "")
			at = margin
		}
		fmt.Fprint(w, " "+word)
		at += length
	}
	fmt.Fprintln(w)
}

// doctorJSON is the object of doctor.
type doctorJSON struct {
	Schema  string        `json:"schema"`
	Checks  []findingJSON `json:"checks"`
	OK      int           `json:"ok"`
	Warned  int           `json:"warned"`
	Failed  int           `json:"failed"`
	Skipped int           `json:"skipped"`
	Error   *errorJSON    `json:"error,omitempty"`
}

// findingJSON is one check.
type findingJSON struct {
	Name   string `json:"name"`
	Status string `json:"status"` // ok, warn, fail, skip
	Value  string `json:"value"`
	Limit  string `json:"limit"`
	Why    string `json:"why"`
	Do     string `json:"do"`
}

func newDoctorJSON(checks []doctor.Check, outcome error) doctorJSON {
	o := doctorJSON{Schema: schema, Checks: []findingJSON{}, Error: failure(outcome)}
	for _, c := range checks {
		o.Checks = append(o.Checks, findingJSON{Name: c.Name, Status: c.Status.String(), Value: c.Value, Limit: c.Limit, Why: c.Why, Do: c.Do})
		switch c.Status {
		case doctor.OK:
			o.OK++
		case doctor.Warn:
			o.Warned++
		case doctor.Fail:
			o.Failed++
		default:
			o.Skipped++
		}
	}
	return o
}

// failed prints the JSON object of an examination that could not begin.
func (e *examination) failed(s streams, json bool, err error) error {
	if !json {
		return err
	}
	return errors.Join(err, writeJSON(s.out, newDoctorJSON(nil, err)))
}
