package hlc_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/trueclock/trueclock/hlc"
)

// Two machines, the second a millisecond behind: the write that builds on another one has the
// higher timestamp, which by wall clock it would not.
func ExampleClock() {
	at := func(unixNano int64) hlc.Options { return hlc.Options{Physical: func() int64 { return unixNano }} }
	a, _ := hlc.New(at(1_790_000_042_004e6))
	b, _ := hlc.New(at(1_790_000_042_003e6))

	first := a.Now()               // a writes x = 1 and sends it to b
	second, err := b.Update(first) // b receives it, and writes x = x + 1
	fmt.Println(first, second, first.Before(second), err)
	// Output: 1790000042.004000000,0 1790000042.004000000,1 true <nil>
}

// One machine's clock is set wrongly: its timestamps are refused, and leave no trace.
func ExampleTooFarAheadError() {
	clock, _ := hlc.New(hlc.Options{Physical: func() int64 { return 1_790_000_000e9 }})
	_, err := clock.UpdateFrom("db-7", hlc.Timestamp{WallTime: 1_790_000_000e9 + int64(8*time.Hour)})
	var far *hlc.TooFarAheadError
	fmt.Println(errors.As(err, &far), far.Lead)
	for _, peer := range clock.Stats().Peers {
		fmt.Println(peer.Peer, peer.MaxLead, peer.Refused)
	}
	fmt.Println(clock.Now())
	// Output:
	// true 8h0m0s
	// db-7 8h0m0s 1
	// 1790000000.000000000,0
}

// A batch of keys for rows that are inserted together.
func ExampleClock_NowN() {
	clock, _ := hlc.New(hlc.Options{Physical: func() int64 { return 1_790_000_000e9 }})
	batch, err := clock.NowN(3)
	for ts := range batch.All() {
		fmt.Println(ts)
	}
	fmt.Println(err)
	// Output:
	// 1790000000.000000000,0
	// 1790000000.000000000,1
	// 1790000000.000000000,2
	// <nil>
}

// A store whose versions are 64-bit numbers, microseconds << 12: different timestamps become
// different versions.
func ExampleOptions_layout() {
	layout := hlc.Kudu()
	clock, _ := hlc.New(hlc.Options{Layout: layout, Physical: func() int64 { return 1_790_000_000_123_456_789 }})
	for range 2 {
		ts := clock.Now()
		version, err := layout.Pack(ts)
		fmt.Println(ts, version, err)
	}
	// Output:
	// 1790000000.123456000,0 7331840000505675776 <nil>
	// 1790000000.123456000,1 7331840000505675777 <nil>
}

// Jumps of the wall clock are reported, and believed only backwards.
func ExampleWallClock() {
	wall, err := hlc.NewWallClock(hlc.WallOptions{
		MaxJump: time.Second,
		Jumps: func(j hlc.Jump) bool {
			fmt.Printf("the wall clock jumped by %v\n", j.Step)
			return j.Step < 0
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	clock, err := hlc.New(hlc.Options{Wall: wall})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(clock.Now().Before(clock.Now()), clock.Stats().Jumps.Jumps)
	// Output: true 0
}
