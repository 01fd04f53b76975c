package ntpprobe_test

import (
	"context"
	"fmt"
	"time"

	"github.com/trueclock/trueclock/internal/fleet"
	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// embedded starts four servers on loopback, the last of which lies, in place of
// real ones.
func embedded() (addresses []string, stop func()) {
	var servers []*fleet.Server
	for _, offset := range []time.Duration{0, 0, 0, 250 * time.Millisecond} {
		s, err := fleet.Start(fleet.Config{Offset: offset})
		if err != nil {
			panic(err)
		}
		servers, addresses = append(servers, s), append(addresses, s.Addr())
	}
	return addresses, func() {
		for _, s := range servers {
			_ = s.Close()
		}
	}
}

// A prober polls for ever and feeds a clock, which serves intervals.
func Example() {
	addresses, stop := embedded()
	defer stop()
	ctx, cancel := context.WithCancel(context.Background())

	local, _ := truetime.NewLocalClock() // New refuses what is missing
	prober, err := ntpprobe.New(ntpprobe.Config{Local: local, Servers: ntpprobe.Servers(addresses...)})
	if err != nil {
		panic(err)
	}
	clock := truetime.New(local, truetime.Options{})
	ended := make(chan error, 1)
	go func() { ended <- prober.Run(ctx, clock.Update) }()

	err = clock.WaitSynchronized(ctx, 50*time.Millisecond)
	now, _ := clock.Now()
	fmt.Println("synchronized:", err == nil, now.Earliest().Before(time.Now()))
	fmt.Println("passed now:", clock.WaitUntilAfter(ctx, now.Latest()) == nil)

	cancel()
	fmt.Println(<-ended)
	// Output:
	// synchronized: true true
	// passed now: true
	// context canceled
}

// Measure asks a few times and says which server lies.
func ExampleMeasure() {
	addresses, stop := embedded()
	defer stop()

	local, _ := truetime.NewLocalClock()
	report, err := ntpprobe.Measure(context.Background(), ntpprobe.MeasureOptions{
		Local: local, Servers: ntpprobe.Servers(addresses...), Samples: 2,
	})
	fmt.Println(err, report.Err, report.Interval.Contains(report.Instant.Wall))
	for _, source := range report.Sources {
		fmt.Println(source.State)
	}
	// Output:
	// <nil> <nil> true
	// agreed
	// agreed
	// agreed
	// falseticker
}
