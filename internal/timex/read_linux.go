package timex

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Read returns what the kernel says. It needs no privilege. It returns an error if the
// system call is refused, as in some sandboxes.
func Read() (Kernel, error) {
	r, err := ask()
	if err != nil {
		return Kernel{}, fmt.Errorf("timex: the kernel refuses to say how its clock is kept: %w", err)
	}
	return r.kernel(), nil
}

// ask makes the call. What it changes is chosen by the first field, Modes, and nothing is
// written into the variable before the call: it is 0, which changes nothing.
// internal/arch holds the first two lines to the letter.
func ask() (raw, error) {
	var reading unix.Timex
	state, err := unix.Adjtimex(&reading)
	if err != nil {
		return raw{}, err
	}
	return raw{
		state: state, status: reading.Status, tai: reading.Tai,
		offset: int64(reading.Offset), maxError: int64(reading.Maxerror), estError: int64(reading.Esterror),
		frequency: int64(reading.Freq), tick: int64(reading.Tick), constant: int64(reading.Constant), precision: int64(reading.Precision),
		seconds: int64(reading.Time.Sec), fraction: int64(reading.Time.Usec),
	}, nil
}
