package hybrid_test

import (
	"fmt"
	"time"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/hybrid"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

func Example() {
	local := truetimetest.NewManual(0) // truetime.NewLocalClock in a program
	clock := truetime.New(local, truetime.Options{})
	reading, _ := local.Read()
	_ = clock.Update(truetimetest.Around(reading, 1_790_000_000e9, 2*time.Millisecond, 0), nil) // ntpprobe does that

	events, err := hybrid.New(clock, hlc.Options{MaxLead: time.Millisecond})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(events.Now())
	_, err = events.Update(hlc.Timestamp{WallTime: 1_790_000_000_010e6})
	fmt.Println(err)
	// Output:
	// 1789999999.998000000,0
	// hlc: remote timestamp 1790000000.010000000,0 is 8ms ahead of the local clock, at most 1ms are believed; check both machines' clocks
}
