package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/trueclock/trueclock/internal/clocks"
	"github.com/trueclock/trueclock/internal/timex"
)

// kernelState is what the kernel says of its own clock, or why it does not.
type kernelState struct {
	timex.Kernel
	err    error
	source string // of the clocks, "" if not known
}

func readKernelState() kernelState {
	k, err := timex.Read()
	return kernelState{Kernel: k, err: err, source: clocks.Source()}
}

// kernelStateJSON has a positive frequency if the clock is made to run faster.
type kernelStateJSON struct {
	Synchronized   bool     `json:"synchronized"`
	State          string   `json:"state"`
	Status         []string `json:"status"`
	Offset         int64    `json:"offset_ns"` // still to be worked off by the kernel's loop
	MaxError       int64    `json:"max_error_ns"`
	EstimatedError int64    `json:"estimated_error_ns"`
	Frequency      float64  `json:"frequency_ratio"`
	Tick           float64  `json:"tick_ratio"`
	TAI            *int64   `json:"tai_offset_ns"` // TAI − UTC; null if nobody told the kernel
}

func (k kernelState) json() *kernelStateJSON {
	if k.err != nil {
		return nil
	}
	o := &kernelStateJSON{
		Synchronized: k.Synchronized(), State: k.State.String(), Status: k.Status.Words(), Offset: int64(k.Offset),
		MaxError: int64(k.MaxError), EstimatedError: int64(k.EstimatedError), Frequency: k.Frequency, Tick: k.TickRatio,
	}
	if k.TAI != 0 {
		o.TAI = ns(time.Duration(k.TAI) * time.Second)
	}
	return o
}

// write says it in words, on four lines.
func (k kernelState) write(w io.Writer) error {
	if k.err != nil {
		text := firstLine(k.err)
		if errors.Is(k.err, timex.ErrUnsupported) {
			text = "not known: this system does not say whether its clock is kept"
		}
		_, err := fmt.Fprintf(w, "kernel       %s\n", text)
		return err
	}
	kept := "synchronized: somebody keeps the wall clock, and says how well"
	if !k.Synchronized() {
		kept = "unsynchronized: nobody tells the kernel that its clock is kept, as in most containers, however good it is"
	}
	fmt.Fprintf(w, "kernel       %s\n", kept)
	fmt.Fprintf(w, "             %s; %s still to work off\n", k.claim(), humanOffset(k.Offset))
	fmt.Fprintf(w, "             frequency %s, tick %s; TAI − UTC %s\n", humanFaster(k.Frequency), humanFaster(k.TickRatio), k.tai())
	_, err := fmt.Fprintf(w, "             state %s; status %s; clock source %s\n", k.State, wordsOr(k.Status.Words(), "none"), wordsOr(strings.Fields(k.source), "not known"))
	return err
}

// claim is what the kernel was told of its error. From MaxError on it only says that it was told nothing.
func (k kernelState) claim() string {
	if !k.Synchronized() && k.MaxError >= timex.MaxError {
		return fmt.Sprintf("claims nothing of its error, and counts it as %s", humanDuration(k.MaxError))
	}
	return fmt.Sprintf("claims an error of %s at most, %s by estimate", humanDuration(upward(k.MaxError)), humanDuration(k.EstimatedError))
}

func (k kernelState) tai() string {
	if k.TAI == 0 {
		return "not known to it"
	}
	return fmt.Sprintf("%d s", k.TAI)
}

func wordsOr(words []string, none string) string {
	if len(words) == 0 {
		return none
	}
	return strings.Join(words, ", ")
}

// humanFaster says a rate in words: positive means that the clock is made to run faster.
func humanFaster(ratio float64) string {
	switch text := fmt.Sprintf("%.3f ppm", max(ratio, -ratio)*1e6); {
	case text == "0.000 ppm":
		return "0 ppm"
	case ratio > 0:
		return text + " faster"
	default:
		return text + " slower"
	}
}
