package hlc_test

import (
	"errors"
	"fmt"

	"github.com/trueclock/trueclock/hlc"
)

// A store that takes a uint64 from the application, in Kudu's layout.
func ExampleLayout() {
	layout := hlc.Kudu()
	ts := hlc.Timestamp{WallTime: 1_790_000_000_123_456_789, Logical: 7}
	rounded, err := layout.Round(ts) // up to the next microsecond
	fmt.Println(layout.Fits(ts), layout.Fits(rounded), rounded, err)
	packed, err := layout.Pack(rounded)
	fmt.Println(packed, err)
	// Output:
	// false true 1790000000.123457000,0 <nil>
	// 7331840000505679872 <nil>
}

// A layout of one's own: milliseconds since 2022, and 22 bits for the logical part.
func ExampleNewLayout() {
	layout, err := hlc.NewLayout(hlc.LayoutOptions{Name: "mine", Epoch: 1_640_995_200e9, Ticks: 1, Nanos: 1e6, LogicalBits: 22})
	fmt.Println(layout.Max(), err)
	// Output: 6039041711.103000000,4194303 <nil>
}

// A snapshot whose name sorts after those of earlier ones.
func ExampleTimestamp_AppendSortable() {
	name, err := hlc.Timestamp{WallTime: 1_790_000_000_123_456_789, Logical: 7}.AppendSortable([]byte("snapshot-"))
	fmt.Println(string(name), err)
	// Output: snapshot-20260921T141320.123456789Z-0000000007 <nil>
}

func ExampleStamp() {
	a := hlc.Stamp{Timestamp: hlc.Timestamp{WallTime: 1_790_000_000_123_456_789, Logical: 7}, Node: "a"}
	b, err := hlc.ParseStamp("1790000000.123456789,7@b")
	fmt.Println(a, b, a.Before(b), err)
	// Output: 1790000000.123456789,7@a 1790000000.123456789,7@b true <nil>
}

func ExampleParseError() {
	_, err := hlc.Parse("1790000000.12345678,7")
	var bad *hlc.ParseError
	fmt.Println(errors.As(err, &bad), bad.Offset, err)
	// Output: true 19 hlc: "1790000000.12345678,7" is no text timestamp: byte 19: a digit is expected
}
