package lamport

import (
	"cmp"
	"encoding/binary"
	"strconv"
	"strings"
)

// Stamp is an event's number together with the process it happened in. Stamps
// are totally ordered; the order extends the causal one. They are comparable, and
// the zero value is lower than every event.
//
// Any number and name can be compared and shown. The strict text and binary forms
// carry names of 1 to 255 bytes of UTF-8 without comma, ASCII space and ASCII
// control characters; what parses re-encodes to itself.
type Stamp struct {
	Time    uint64
	Process string // unique among the processes
}

// Compare returns −1 if s is before other, 0 if they are equal, +1 if after:
// by number, and by the bytes of the name where the numbers are equal.
func (s Stamp) Compare(other Stamp) int {
	if c := cmp.Compare(s.Time, other.Time); c != 0 {
		return c
	}
	return strings.Compare(s.Process, other.Process)
}

// Before reports whether s is lower than other.
func (s Stamp) Before(other Stamp) bool { return s.Compare(other) < 0 }

// String shows "17@node-a", whatever the name is.
func (s Stamp) String() string { return string(s.appendText(nil)) }

func (s Stamp) appendText(b []byte) []byte {
	return append(append(strconv.AppendUint(b, s.Time, 10), '@'), s.Process...)
}

// ParseStamp reads the text form: the number in decimal without leading zeros, an
// @, the name of the process. It returns a [*ParseError] for anything else.
func ParseStamp(text string) (Stamp, error) {
	s, offset, reason := parseStamp(text)
	if reason != "" {
		return Stamp{}, &ParseError{Form: "stamp", Offset: offset, Problem: reason}
	}
	return s, nil
}

// AppendText appends the text form to b. It returns a [*NameError] for a name
// that the form cannot carry.
func (s Stamp) AppendText(b []byte) ([]byte, error) {
	if err := checkName(s.Process); err != nil {
		return b, err
	}
	return s.appendText(b), nil
}

// MarshalText returns the text form, also as a JSON string and as the key of a
// JSON object; errors as in AppendText.
func (s Stamp) MarshalText() ([]byte, error) { return s.AppendText(nil) }

// UnmarshalText is [ParseStamp].
func (s *Stamp) UnmarshalText(text []byte) error {
	parsed, err := ParseStamp(string(text))
	if err == nil {
		*s = parsed
	}
	return err
}

// AppendBinary appends eight big-endian bytes of the number and the name, so that
// the order of these bytes is that of Compare. Errors as in AppendText.
func (s Stamp) AppendBinary(b []byte) ([]byte, error) {
	if err := checkName(s.Process); err != nil {
		return b, err
	}
	return append(binary.BigEndian.AppendUint64(b, s.Time), s.Process...), nil
}

// MarshalBinary returns the form of AppendBinary.
func (s Stamp) MarshalBinary() ([]byte, error) { return s.AppendBinary(nil) }

// UnmarshalBinary reads the form of AppendBinary. It returns a [*ParseError] for
// anything else.
func (s *Stamp) UnmarshalBinary(data []byte) error {
	if len(data) < 8 {
		return &ParseError{Form: "stamp", Offset: len(data), Problem: "it ends within the number"}
	}
	if len(data) > 8+MaxProcessName { // before the bytes are copied
		return &ParseError{Form: "stamp", Offset: 8 + MaxProcessName, Problem: "the name of the process is too long"}
	}
	name := string(data[8:])
	if offset, reason := badName(name); reason != "" {
		return &ParseError{Form: "stamp", Offset: 8 + offset, Problem: reason}
	}
	*s = Stamp{Time: binary.BigEndian.Uint64(data), Process: name}
	return nil
}
