package lamport

import (
	"encoding/binary"
	"strings"
)

// String returns the text form: "3@a,5@b", empty for the empty vector.
func (v Vector) String() string {
	text, _ := v.AppendText(nil)
	return string(text)
}

// AppendText appends the text form to b: the counts in the form of [Stamp], in the
// order of the names, with commas between them. The error is nil.
func (v Vector) AppendText(b []byte) ([]byte, error) {
	for i, s := range v.counts {
		if i > 0 {
			b = append(b, ',')
		}
		b = s.appendText(b)
	}
	return b, nil
}

// MarshalText returns the text form, also as a JSON string. The error is nil.
func (v Vector) MarshalText() ([]byte, error) { return v.AppendText(nil) }

// ParseVector reads the text form, and that alone: what parses re-encodes to
// itself. It returns a [*ParseError] for anything else, for a count of 0 or above
// [MaxTime], and for more than [MaxProcesses] processes.
func ParseVector(text string) (Vector, error) {
	fail := func(offset int, reason string) (Vector, error) {
		return Vector{}, &ParseError{Form: "vector", Offset: offset, Problem: reason}
	}
	if text == "" {
		return Vector{}, nil
	}
	counts := make([]Stamp, 0, min(strings.Count(text, ",")+1, MaxProcesses))
	offset := 0
	for entry := range strings.SplitSeq(text, ",") {
		if len(counts) == MaxProcesses {
			return fail(offset, "too many processes")
		}
		s, at, reason := parseStamp(entry)
		if reason == "" {
			at, reason = 0, badCount(counts, s)
		}
		if reason != "" {
			return fail(offset+at, reason)
		}
		counts = append(counts, s)
		offset += len(entry) + 1
	}
	return Vector{counts}, nil
}

// badCount says why s cannot follow counts in a vector, or nothing.
func badCount(counts []Stamp, s Stamp) string {
	switch {
	case s.Time == 0:
		return "a count of zero"
	case s.Time > MaxTime:
		return "a count above the largest"
	case len(counts) > 0 && counts[len(counts)-1].Process >= s.Process:
		return "not in the order of the names"
	}
	return ""
}

// UnmarshalText is [ParseVector].
func (v *Vector) UnmarshalText(text []byte) error {
	parsed, err := ParseVector(string(text))
	if err == nil {
		*v = parsed
	}
	return err
}

// The binary form:
//
//	byte 0      1, the version
//	bytes 1–2   the number of entries, big-endian
//	then each   the length of the name (1 byte), the name, the count (8 bytes, big-endian)
//
// Entries are in the order of the names, as bytes.
const (
	vectorVersion  = 1
	vectorHeader   = 3
	shortestVector = 1 + 1 + 8 // of an entry
)

// AppendBinary appends the binary form to b: a version, the number of entries and for
// each the length of the name, the name, and the count in eight bytes. The error is nil.
func (v Vector) AppendBinary(b []byte) ([]byte, error) {
	b = binary.BigEndian.AppendUint16(append(b, vectorVersion), uint16(len(v.counts)))
	for _, s := range v.counts {
		b = append(append(b, byte(len(s.Process))), s.Process...)
		b = binary.BigEndian.AppendUint64(b, s.Time)
	}
	return b, nil
}

// MarshalBinary returns the binary form. The error is nil.
func (v Vector) MarshalBinary() ([]byte, error) { return v.AppendBinary(nil) }

// UnmarshalBinary reads the binary form, and that alone; errors as in
// [ParseVector].
func (v *Vector) UnmarshalBinary(data []byte) error {
	fail := func(offset int, reason string) error {
		return &ParseError{Form: "vector", Offset: offset, Problem: reason}
	}
	if len(data) < vectorHeader {
		return fail(len(data), "it ends within the header")
	}
	if data[0] != vectorVersion {
		return fail(0, "an unknown version")
	}
	n := int(binary.BigEndian.Uint16(data[1:]))
	if n > MaxProcesses {
		return fail(1, "too many processes")
	}
	if len(data)-vectorHeader < n*shortestVector {
		return fail(len(data), "it ends within the entries")
	}
	counts := make([]Stamp, 0, n)
	at := vectorHeader
	for range n {
		if at == len(data) || len(data)-at < 1+int(data[at])+8 {
			return fail(len(data), "it ends within an entry")
		}
		name := string(data[at+1 : at+1+int(data[at])])
		if offset, reason := badName(name); reason != "" {
			return fail(at+1+offset, reason)
		}
		s := Stamp{Process: name, Time: binary.BigEndian.Uint64(data[at+1+len(name):])}
		if reason := badCount(counts, s); reason != "" {
			return fail(at, reason)
		}
		counts = append(counts, s)
		at += 1 + len(name) + 8
	}
	if at != len(data) {
		return fail(at, "more than the entries")
	}
	*v = Vector{counts}
	return nil
}
