package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/trueclock/trueclock/ntpprobe"
)

// ppb is a rate in parts per billion, as a flag value: "200ppm", "500ppb", or a
// bare number of ppm.
type ppb int64

const defaultWander ppb = ntpprobe.DefaultWanderPPB

// String writes ppm where that loses nothing.
func (p ppb) String() string {
	if p%1000 == 0 {
		return fmt.Sprintf("%dppm", int64(p)/1000)
	}
	return fmt.Sprintf("%dppb", int64(p))
}

// Set parses what the user typed. It rounds up: assuming more drift is safe.
func (p *ppb) Set(text string) error {
	unit := 1000.0
	number, found := strings.CutSuffix(text, "ppb")
	if found {
		unit = 1
	} else {
		number = strings.TrimSuffix(text, "ppm")
	}
	value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || math.IsNaN(value) {
		return fmt.Errorf("%q is not a rate; write 200ppm or 500ppb, a bare number is ppm", text)
	}
	if value *= unit; !(value > 0 && value <= 1e8) {
		return fmt.Errorf("%q is not above 0 and at most 100000ppm", text)
	}
	*p = ppb(math.Ceil(value))
	return nil
}

// Type is what --help calls the value.
func (p *ppb) Type() string { return "rate" }
