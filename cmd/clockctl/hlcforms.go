package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/trueclock/trueclock/hlc"
)

// readTimestamp finds the form of text by its shape, so that no text has two, and
// parses it. A number without a point could be packed or nanoseconds: it
// needs a layout.
func readTimestamp(text string, packed hlc.Layout) (ts hlc.Timestamp, form string, err error) {
	_, fraction, _ := strings.Cut(text, ".")
	bytes, notHex := hex.DecodeString(text)
	digits := strings.Trim(text, "0123456789") == "" && text != ""
	switch {
	case notHex == nil && len(bytes) == hlc.BinaryLen && bytes[0] < 0x80:
		form = "binary"
		ts, err = hlc.ParseBinary(bytes)
	case notHex == nil && len(bytes) == hlc.BinaryLen:
		form = "descending"
		ts, err = hlc.ParseDescending(bytes)
	case digits && packed == hlc.Layout{}:
		return ts, "", &usageError{fmt.Errorf("%s may be packed or nanoseconds: say which --layout, or write %[1]s.0000000000", text)}
	case digits:
		form = packed.String()
		ts, err = unpack(text, packed)
	case strings.IndexByte(text, 'T') == len("20260921"):
		form = "sortable"
		ts, err = hlc.ParseSortable(text)
	case len(fraction) == 10 && !strings.Contains(fraction, ","):
		form = "decimal"
		ts, err = hlc.ParseDecimal(text)
	default:
		form = "text"
		ts, err = hlc.Parse(text)
	}
	if err != nil {
		err = &badAnswer{code: "malformed", text: firstLine(err) + "; clockctl hlc parse --help shows the forms", err: err}
	}
	return ts, form, err
}

func unpack(text string, layout hlc.Layout) (hlc.Timestamp, error) {
	value, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return hlc.Timestamp{}, &hlc.ParseError{Form: layout.String(), Input: text, Problem: "it has more than 64 bits"}
	}
	return layout.Unpack(value)
}

// written is a timestamp in one form.
type written struct {
	form, text string
	refused    error         // the form cannot hold it
	rounding   time.Duration // how far it was rounded up
}

// forms are all ways to write ts that lose nothing, and none of them a layout.
func forms(ts hlc.Timestamp) []written {
	out := []written{{form: "text", text: ts.String()}}
	for _, f := range []struct {
		name   string
		append func([]byte) ([]byte, error)
		hex    bool
	}{
		{"decimal", ts.AppendDecimal, false}, {"sortable", ts.AppendSortable, false},
		{"binary", ts.AppendBinary, true}, {"descending", ts.AppendDescending, true},
	} {
		b, err := f.append(nil)
		w := written{form: f.name, text: string(b), refused: err}
		if f.hex {
			w.text = hex.EncodeToString(b)
		}
		out = append(out, w)
	}
	return out
}

// packedForms are the layouts, each with what rounding up costs.
func packedForms(ts hlc.Timestamp) (out []written) {
	for _, l := range hlc.Layouts() {
		w := written{form: l.String()}
		packed, err := l.Pack(ts)
		if w.refused = err; err == nil {
			rounded, _ := l.Unpack(packed) // of what was just packed
			w.text, w.rounding = strconv.FormatUint(packed, 10), time.Duration(rounded.WallTime-ts.WallTime)
		}
		out = append(out, w)
	}
	return out
}

// writeForms prints a timestamp for people.
func writeForms(w io.Writer, ts hlc.Timestamp) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "FORM\tVALUE\tROUNDING\n") // what fails here fails again at Flush
	for _, form := range append(forms(ts), packedForms(ts)...) {
		fmt.Fprintf(t, "%s\t%s\t%s\n", form.form, orDash(form.text), form.costs(ts))
	}
	fmt.Fprintf(t, "time\t%s\tlogical part %d\n", jsonTime(ts.Time()), ts.Logical)
	return t.Flush()
}

// costs says in words what this form does to the timestamp.
func (w written) costs(ts hlc.Timestamp) string {
	var refused *hlc.RangeError
	switch {
	case errors.As(w.refused, &refused):
		return "none: " + refused.Problem
	case w.rounding == 0:
		return "exact"
	case ts.Logical == 0:
		return "up by " + humanDuration(w.rounding)
	}
	return fmt.Sprintf("up by %s, logical part %d lost", humanDuration(w.rounding), ts.Logical)
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
