package main

import (
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strconv"

	"github.com/trueclock/trueclock/ntpprobe"
)

// exchangeJSON is one line of ndjson: an exchange as it happened.
type exchangeJSON struct {
	Schema       string  `json:"schema"`
	Type         string  `json:"type"` // "sample"
	Address      string  `json:"address"`
	Number       int     `json:"number"`
	Reason       *string `json:"reason"` // null if the sample is usable
	Detail       *string `json:"detail"`
	Delay        *int64  `json:"delay_ns"`
	RootDistance *int64  `json:"root_distance_ns"`
}

func newExchangeJSON(x ntpprobe.Exchange) exchangeJSON {
	o := exchangeJSON{Schema: schema, Type: "sample", Address: canonical(x.Server), Number: x.Number}
	var rejected *ntpprobe.RejectedError
	switch {
	case errors.As(x.Err, &rejected):
		o.Reason, o.Detail = ptr(string(rejected.Reason)), &rejected.Detail
	case x.Err != nil:
		o.Reason, o.Detail = ptr("internal"), ptr(x.Err.Error())
	default:
		o.Delay, o.RootDistance = ns(x.Sample.Delay()), ns(x.Sample.RootDistance())
	}
	return o
}

// writeCSV prints a row per source, and per target, which has no vote, with the names of
// the JSON keys; unknown is empty.
func writeCSV(w io.Writer, sources, targets []ntpprobe.SourceStatus) error {
	out := csv.NewWriter(w)
	rows := [][]string{{"address", "state", "reason", "stratum", "leap", "offset_ns", "delay_ns", "error_bound_ns", "root_delay_ns", "root_dispersion_ns", "samples", "domain", "vote"}}
	for i, source := range slices.Concat(sources, targets) {
		o := newSourceJSON(source)
		stratum := ""
		if o.Stratum != nil {
			stratum = strconv.Itoa(int(*o.Stratum))
		}
		rows = append(rows, []string{
			o.Address, o.State, text(o.Reason), stratum, text(o.Leap), number(o.Offset), number(o.Delay), number(o.ErrorBound),
			number(o.RootDelay), number(o.RootDispersion), strconv.Itoa(o.Samples), o.Domain, strconv.FormatBool(i < len(sources)),
		})
	}
	return out.WriteAll(rows)
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func number(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}
