package lamport

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// MaxProcessName is the most bytes that the name of a process may have in the
// text and binary forms.
const MaxProcessName = 255

// ParseError says why, and at which byte, a text or binary form is not one. What
// was to be filled is as before.
type ParseError struct {
	Form    string // "stamp" or "vector"
	Offset  int    // of the first byte that cannot be, from 0; the length if something is missing
	Problem string
}

func (e *ParseError) Error() string {
	return fmt.Sprintf("lamport: not a %s at byte %d: %s", e.Form, e.Offset, e.Problem)
}

// NameError reports a name of a process that the text and binary forms cannot carry.
type NameError struct {
	Name    string
	Problem string
}

func (e *NameError) Error() string {
	return fmt.Sprintf("lamport: process name %.40q: %s", e.Name, e.Problem)
}

// badName finds the first byte for which name cannot be the name of a process in
// a text or binary form; reason is empty if it can. A name has 1 to 255 bytes of UTF-8 without
// comma, ASCII space and ASCII control characters.
func badName(name string) (offset int, reason string) {
	switch {
	case name == "":
		return 0, "the process has no name"
	case len(name) > MaxProcessName:
		return MaxProcessName, "the name of the process is too long"
	}
	for i := 0; i < len(name); {
		r, size := utf8.DecodeRuneInString(name[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			return i, "the name of the process is not UTF-8"
		case r <= ' ' || r == ',' || r == 0x7f:
			return i, "a comma, a space or a control character in the name of the process"
		}
		i += size
	}
	return 0, ""
}

func checkName(name string) error {
	if _, reason := badName(name); reason != "" {
		return &NameError{Name: name, Problem: reason}
	}
	return nil
}

// maxDigits is what the largest 64-bit number has.
const maxDigits = 20

// parseStamp reads "17@node-a", in its canonical form alone.
func parseStamp(text string) (s Stamp, offset int, reason string) {
	at := 0
	for at < len(text) && '0' <= text[at] && text[at] <= '9' {
		at++
	}
	switch {
	case at == 0:
		return Stamp{}, 0, "a number was expected"
	case at > 1 && text[0] == '0':
		return Stamp{}, 0, "a leading zero"
	case at == len(text) || text[at] != '@':
		return Stamp{}, at, "an @ was expected"
	}
	time, err := strconv.ParseUint(text[:min(at, maxDigits+1)], 10, 64)
	if err != nil {
		return Stamp{}, 0, "the number does not fit 64 bits"
	}
	name := text[at+1:]
	if offset, reason := badName(name); reason != "" {
		return Stamp{}, at + 1 + offset, reason
	}
	return Stamp{Time: time, Process: name}, 0, ""
}
