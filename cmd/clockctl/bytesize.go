package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// bytesize is a number of bytes as a flag value: "10MB", "64KiB", or a bare number.
type bytesize int64

var byteUnits = []struct {
	name  string
	bytes float64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}}

// String writes bytes.
func (b *bytesize) String() string { return strconv.FormatInt(int64(*b), 10) }

// Set parses what the user typed.
func (b *bytesize) Set(text string) error {
	number, unit := text, 1.0
	for _, u := range byteUnits {
		if n, found := strings.CutSuffix(text, u.name); found {
			number, unit = n, u.bytes
			break
		}
	}
	value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if value *= unit; err != nil || !(value >= 1 && value <= math.MaxInt64/2) {
		return fmt.Errorf("%q is not a size; write 10MB, 64KiB or a number of bytes", text)
	}
	*b = bytesize(value)
	return nil
}

// Type is what --help calls the value.
func (b *bytesize) Type() string { return "size" }
