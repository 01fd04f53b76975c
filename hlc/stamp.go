package hlc

import (
	"cmp"
	"strings"
	"unicode/utf8"
)

// Stamp is a timestamp together with the node that issued it. No two events have the
// same one, so its order is total; it extends that of cause and effect, and is arbitrary where
// only the names decide. (It does not embed the Timestamp: whatever encodes that would
// forget the node.)
type Stamp struct {
	Timestamp Timestamp
	Node      string // unique among the nodes; UTF-8, or there is no text form
}

// Compare returns −1 if s is before other, 0 if they are equal, +1 if after.
func (s Stamp) Compare(other Stamp) int {
	if c := s.Timestamp.Compare(other.Timestamp); c != 0 {
		return c
	}
	return cmp.Compare(s.Node, other.Node)
}

// Before reports whether s is lower than other.
func (s Stamp) Before(other Stamp) bool { return s.Compare(other) < 0 }

// String shows "1790000000.123456789,7@node-a".
func (s Stamp) String() string { return s.Timestamp.String() + "@" + s.Node }

// AppendText appends what String shows. It returns a [*RangeError] if Node is not UTF-8.
func (s Stamp) AppendText(b []byte) ([]byte, error) {
	if !utf8.ValidString(s.Node) {
		return b, &RangeError{Timestamp: s.Timestamp, Form: "stamp", Problem: "the node's name is not UTF-8"}
	}
	return append(append(s.Timestamp.appendText(b), '@'), s.Node...), nil
}

// MarshalText is AppendText to nothing; JSON gets a string.
func (s Stamp) MarshalText() ([]byte, error) { return s.AppendText(nil) }

// UnmarshalText parses as [ParseStamp] does, and leaves s alone on an error.
func (s *Stamp) UnmarshalText(text []byte) error {
	parsed, err := ParseStamp(string(text))
	if err == nil {
		*s = parsed
	}
	return err
}

// ParseStamp reads what String shows. The name is all that follows the first @. As in
// [Parse], ",0" may be left out. It returns a [*ParseError].
func ParseStamp(text string) (Stamp, error) {
	time, node, found := strings.Cut(text, "@")
	t, f := parseText(time)
	switch {
	case f.found():
	case !found:
		f = flaw{len(text), "an @ and the node's name are expected"}
	case !utf8.ValidString(node):
		f = flaw{len(time) + 1, "the node's name is not UTF-8"}
	default:
		return Stamp{Timestamp: t, Node: node}, nil
	}
	return Stamp{}, fail("stamp", text, f)
}
