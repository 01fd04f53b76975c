package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/trueclock/trueclock/ntpprobe"
)

// look is how a state is drawn; the symbol says what the colour says.
var look = map[ntpprobe.SourceState]struct{ symbol, color string }{
	ntpprobe.Agreed:      {"*", "32"},
	ntpprobe.Falseticker: {"x", "31"},
	ntpprobe.Rejected:    {"!", "33"},
	ntpprobe.Unreachable: {"?", "33"},
}

// writeTable prints one row per source and then the result.
func writeTable(w io.Writer, r ntpprobe.Report, wide, colored bool) error {
	heading := []string{"S", "SOURCE", "STRATUM", "OFFSET", "±ERROR", "RTT", "SAMPLES"}
	if wide {
		heading = append(heading, "½RTT", "½ROOTDELAY", "ROOTDISP", "PRECISION", "MARGIN", "AGEING", "ROUNDING", "DOMAIN", "REFID", "LEAP", "AGE", "KERNELGAIN")
	}
	rows := [][]string{append(heading, "WHY")}
	for _, s := range r.Sources {
		cells := append([]string{look[s.State].symbol}, row(s)...)
		if wide {
			cells = append(cells, wideCells(s)...)
		}
		rows = append(rows, append(cells, why(s)))
	}
	for i, line := range align(rows) {
		line = strings.TrimRight(line, " ") // who agrees has no reason
		if i > 0 {
			line = paint(line[:1], look[r.Sources[i-1].State].color, colored) + line[1:]
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return writeResult(w, r, wide)
}

// row is what every table shows of a source, "-" for unknown.
func row(s ntpprobe.SourceStatus) []string {
	stratum, offset, bound, rtt := "-", "-", "-", "-"
	if s.Header != nil {
		stratum = fmt.Sprint(s.Header.Stratum)
	}
	if e := s.Estimate; e != nil {
		offset, bound, rtt = humanOffset(e.Offset), humanBound(e.ErrorBound), humanDuration(e.Delay)
	}
	return []string{canonical(s.Server), stratum, offset, bound, rtt, fmt.Sprint(s.Samples)}
}

func wideCells(s ntpprobe.SourceStatus) []string {
	cells := []string{"-", "-", "-", "-", "-", "-", "-"}
	age, gain := "-", "-"
	if e := s.Estimate; e != nil {
		b := e.Budget
		for i, term := range []time.Duration{b.HalfRoundTrip, b.HalfRootDelay, b.RootDispersion, b.Precision, b.Margin, b.Ageing, b.Rounding} {
			cells[i] = humanDuration(term)
		}
		age = humanDuration(e.Age)
		if e.KernelGain > 0 {
			gain = humanDuration(e.KernelGain)
		}
	}
	reference, leap := "-", "-"
	if s.Header != nil {
		reference, leap = referenceID(s.Header), s.Header.Leap.String()
	}
	return append(cells, s.Domain, reference, leap, age, gain)
}

// why explains the state; nothing for a source that agrees.
func why(s ntpprobe.SourceStatus) string {
	switch {
	case s.State == ntpprobe.Agreed:
		return ""
	case s.Reason == ntpprobe.ReasonOutside:
		return "falseticker: " + s.Detail
	}
	return string(s.Reason) + ": " + s.Detail
}

// writeResult prints what all sources together say. A leap second explains an interval of
// ±1 s.
func writeResult(w io.Writer, r ntpprobe.Report, wide bool) error {
	if r.Leap.Kind != ntpprobe.LeapNone {
		fmt.Fprintf(w, "leap second  %s at the end of %s UTC, announced by more servers than may lie\n", r.Leap.Kind, r.Leap.At.AddDate(0, 0, -1).Format(time.DateOnly))
	}
	if r.Err != nil {
		_, err := fmt.Fprintln(w, "true time    unknown") // stderr says why
		return err
	}
	i := r.Interval
	fmt.Fprintf(w, "true time    %s  (±%s); %d of %d sources agree, %d may lie\n",
		humanSpan(i.Earliest(), i.Latest()), humanBound(i.Uncertainty()), r.Agreed(), len(r.Sources), r.Faulty)
	if wide {
		fmt.Fprintf(w, "agreement    ±%s, the widest of the agreed sources ±%s\n", humanBound(i.Uncertainty()), humanBound(widest(r)))
		writeBasis(w, r)
	}
	_, err := fmt.Fprintf(w, "local clock  %s\n", humanLocal(time.Duration(i.Midpoint()-r.Instant.Wall.UnixNano()), i.Uncertainty()))
	return err
}

// humanLocal says how wrong the local clock is, and whether that is certain.
func humanLocal(offset, uncertainty time.Duration) string {
	text := humanOffset(offset)
	if offset.Abs() <= uncertainty {
		return text + ", less than its error of " + humanBound(uncertainty)
	}
	return text + ", certainly by at least " + humanDuration(downward(offset.Abs()-uncertainty))
}

func widest(r ntpprobe.Report) time.Duration {
	var most time.Duration
	for _, s := range r.Sources {
		if s.State == ntpprobe.Agreed {
			most = max(most, s.Estimate.ErrorBound)
		}
	}
	return most
}

// referenceID is the name of a reference clock for stratum 0 and 1, else the
// four bytes as an address (for stratum 2 and more they may be a hash of an IPv6
// one).
func referenceID(h *ntpprobe.Header) string {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], h.ReferenceID)
	name := strings.TrimRight(string(b[:]), "\x00 ")
	if h.Stratum > 1 || name == "" || strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return netip.AddrFrom4(b).String()
	}
	return name
}

// paint colours a cell if wanted.
func paint(text, color string, colored bool) string {
	if !colored {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}
