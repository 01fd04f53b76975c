package compare

import (
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
	"time"
)

// Report is the outcome of a comparison, and what the machine-readable line holds.
type Report struct {
	Schema   string        `json:"schema"`  // "trueclock.compare/1"
	Chronyd  string        `json:"chronyd"` // version
	Poll     time.Duration `json:"poll_ns"`
	WarmUp   time.Duration `json:"warm_up_ns"`   // from the start, not evaluated
	Measured time.Duration `json:"evaluated_ns"` // after it
	Unpaired int           `json:"unpaired"`     // replies or notes that have no counterpart
	Slack    time.Duration `json:"slack_ns"`     // by which replayed round trips are longer than chronyd's, at the median
	Strayed  float64       `json:"wall_strayed_ppm"`
	Rows     []Row         `json:"rows"`
}

// Row is one method under one assumption.
type Row struct {
	Method     string        `json:"method"`
	Liar       bool          `json:"liar"`        // one of the servers lies
	AssumedPPM int           `json:"assumed_ppm"` // drift of the local clock beyond a fixed rate
	Reads      int           `json:"reads"`
	Missing    int           `json:"missing"`    // reads without an interval
	Violations int           `json:"violations"` // reads whose interval excluded the true time
	P50        time.Duration `json:"p50_ns"`     // of the half width
	P99        time.Duration `json:"p99_ns"`
	RatioP50   float64       `json:"ratio_p50"` // to chronyc's formula; 0 without one
}

// Summarize makes a row of looks.
func Summarize(method string, liar bool, assumedPPM int, looks []Look) Row {
	r := Row{Method: method, Liar: liar, AssumedPPM: assumedPPM, Reads: len(looks)}
	var halves []time.Duration
	for _, l := range looks {
		switch {
		case l.Missing:
			r.Missing++
			continue
		case l.Outside:
			r.Violations++
		}
		halves = append(halves, l.Half)
	}
	slices.Sort(halves)
	r.P50, r.P99 = Percentile(halves, 50), Percentile(halves, 99)
	return r
}

// Percentile returns the smallest of the ascending values that is not below p percent of
// them, and 0 if there are none.
func Percentile(ascending []time.Duration, p int) time.Duration {
	if len(ascending) == 0 {
		return 0
	}
	rank := (len(ascending)*p + 99) / 100 // rounded up
	return ascending[max(rank, 1)-1]
}

// Add appends the rows of one scenario and assumption. The first is what the others are
// measured by.
func (r *Report) Add(rows ...Row) {
	for _, row := range rows {
		if base := rows[0].P50; base > 0 {
			row.RatioP50 = math.Round(1000*float64(row.P50)/float64(base)) / 1000
		}
		r.Rows = append(r.Rows, row)
	}
}

// Print writes the report as a table for people.
func (r *Report) Print(w io.Writer) error {
	fmt.Fprintf(w, "chronyd %s; poll %v; %v of warm-up, then %v evaluated; half widths in µs\n", r.Chronyd, r.Poll, r.WarmUp, r.Measured)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "servers\tassumed\tmethod\tp50\tp99\tratio\tviolations\tno answer\treads\t\n")
	for _, row := range r.Rows {
		servers := "honest"
		if row.Liar {
			servers = "one lies"
		}
		fmt.Fprintf(t, "%s\t%d ppm\t%s\t%s\t%s\t%.2f\t%d\t%d\t%d\t\n", servers, row.AssumedPPM, row.Method,
			micros(row.P50), micros(row.P99), row.RatioP50, row.Violations, row.Missing, row.Reads)
	}
	return t.Flush()
}

// micros prints whole microseconds.
func micros(d time.Duration) string { return fmt.Sprintf("%.0f", float64(d)/1e3) }
