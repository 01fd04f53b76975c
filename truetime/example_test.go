package truetime_test

import (
	"context"
	"fmt"
	"time"

	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

// A clock serves the last bound it was given, aged to the present reading. A real
// program gets its bounds from ntpprobe.
func ExampleClock() {
	local := truetimetest.NewManual(0)
	clock := truetime.New(local, truetime.Options{})
	_, err := clock.Now()
	fmt.Println(err)

	r, _ := local.Read()
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	_ = clock.Update(truetimetest.Around(r, noon.UnixNano(), time.Millisecond, 200_000), nil)
	local.Advance(time.Second)
	now, _ := clock.Now()
	fmt.Println(now)

	passed, _ := clock.After(noon)
	fmt.Println("noon has certainly passed:", passed)
	fmt.Println(clock.WaitUntilAfter(context.Background(), noon))
	// Output:
	// truetime: not synchronized yet: no bound was published (is the prober running, can it reach its servers?)
	// [2026-11-23T12:00:00.998800000Z, 2026-11-23T12:00:01.001200000Z] ±1.2ms
	// noon has certainly passed: true
	// <nil>
}

// Three sources agree and one lies; f = 1 was decided beforehand.
func ExampleAgree() {
	var sources []truetime.Interval
	for _, s := range [][2]int64{{0, 10}, {2, 12}, {4, 9}, {250, 260}} {
		i, _ := truetime.NewInterval(s[0], s[1])
		sources = append(sources, i)
	}
	agreement, err := truetime.Agree(sources, 1)
	fmt.Println(agreement.Interval.EarliestUnixNano(), agreement.Interval.LatestUnixNano(), err)
	fmt.Println("liars:", agreement.Falsetickers)

	_, err = truetime.Agree(sources[2:], 1)
	fmt.Println(err)
	// Output:
	// 4 9 <nil>
	// liars: [3]
	// truetime: no quorum: 2 sources have usable data, 3 needed (1 may lie)
}

// The two intervals overlap, so nobody can tell which came first.
func ExampleInterval_Before() {
	a, _ := truetime.NewInterval(0, 10)
	b, _ := truetime.NewInterval(10, 20)
	c, _ := truetime.NewInterval(11, 20)
	fmt.Println(a.Before(b), a.Before(c))
	// Output: false true
}
