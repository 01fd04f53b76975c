package truetime

import (
	"bytes"
	"os"
	"time"
)

// clocksourcePath is where the kernel says which hardware its clocks count.
// Source: Linux, kernel/time/clocksource.c.
const clocksourcePath = "/sys/devices/system/clocksource/clocksource0/current_clocksource"

// sourceCheck is how long a change may go unseen. The kernel's own watchdog,
// the usual reason for one, looks every half second.
const sourceCheck = 100 * time.Millisecond

// clocksource is that file, kept open. A nil one has no name.
type clocksource struct{ file *os.File }

// sourceName is comparable, so a look costs one system call and little else. Names are at most 32 bytes (CS_NAME_LEN).
type sourceName [32]byte

func (n sourceName) String() string {
	if n == (sourceName{}) {
		return "one that it does not name"
	}
	return string(bytes.TrimRight(n[:], "\x00\n"))
}

func openClocksource(path string) *clocksource {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	return &clocksource{file}
}

// name returns the zero name if the kernel does not say: that too is a state
// which must not change within an epoch.
func (c *clocksource) name() (n sourceName) {
	if c == nil {
		return sourceName{}
	}
	if read, _ := c.file.ReadAt(n[:], 0); read <= 0 { // at the end of the file comes io.EOF
		return sourceName{}
	}
	return n
}
