package hlc

import "fmt"

// ParseError reports bytes that are not a timestamp of the form that was asked for. What was to
// receive the timestamp is as before.
type ParseError struct {
	Form    string // text, decimal, sortable, binary, descending, stamp, or the name of a [Layout]
	Input   string
	Offset  int // of the first byte that is wrong; len(Input) if more was expected
	Problem string
}

func (e *ParseError) Error() string {
	input := e.Input
	if len(input) > 48 { // it may come from anybody
		input = input[:48] + "…"
	}
	return fmt.Sprintf("hlc: %q is no %s timestamp: byte %d: %s", input, e.Form, e.Offset, e.Problem)
}

// RangeError reports a timestamp that a form cannot hold, or not without a loss that
// was not asked for.
type RangeError struct {
	Timestamp Timestamp
	Form      string // as in ParseError, or the name of a column type
	Problem   string
}

func (e *RangeError) Error() string {
	return fmt.Sprintf("hlc: %v has no %s form: %s", e.Timestamp, e.Form, e.Problem)
}

// before1970 is the problem of every form that sorts: the order of its bytes would
// not be that of time.
const before1970 = "it is before 1970"
