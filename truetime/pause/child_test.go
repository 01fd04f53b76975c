package pause

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/trueclock/trueclock/internal/clocks"
)

// childMode is the environment variable that makes a child of the test binary.
const childMode = "TRUECLOCK_PAUSE_CHILD"

// childCgroup names the directory of a cgroup that the child goes to first, so that its monitor
// finds itself there.
const childCgroup = "TRUECLOCK_PAUSE_CGROUP"

// told is what a child writes, one a line: a finding, or that it is ready.
type told struct {
	Ready   bool
	Finding Finding
	Mono    int64 // MONOTONIC when the callback was called
}

// child watches itself until its input ends, while it does what its mode says.
func child(mode string) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if dir := os.Getenv(childCgroup); dir != "" {
		if os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte("0"), 0) != nil {
			return 1
		}
	}
	out := json.NewEncoder(os.Stdout)
	if mode == "clocks" {
		s, _ := clocks.Read()
		_ = out.Encode(s)
		return 0
	}
	m, err := New(Options{Notify: func(f Finding) {
		s, _ := clocks.Read()
		_ = out.Encode(told{Finding: f, Mono: s.Mono})
	}})
	if err != nil {
		return 1
	}
	work := map[string]func(){"garbage": garbage, "longgc": longGC, "busy": busy}[mode]
	if work != nil {
		go work()
	}
	go func() { _ = m.Run(ctx) }()
	<-time.After(5 * m.options.Period) // from then on it knows what is usual
	fmt.Println(`{"Ready":true}`)
	_, _ = os.Stdin.Read(make([]byte, 1)) // ends with the parent
	return 0
}

// garbage makes some all the time, so that the collector always runs.
func garbage() {
	var kept [64][]byte
	for i := 0; ; i++ {
		kept[i%len(kept)] = bytes.Repeat([]byte{1}, 64<<10)
	}
}

// longGC makes long GC pauses: the collector wants all goroutines to stop, and waits for a loop
// that never does, as the runtime was told not to interrupt any (asyncpreemptoff).
func longGC() {
	runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0)))
	turns := 1 << 20
	loop := func() time.Duration {
		began := time.Now()
		for i := range turns {
			sink += uint64(i) * sink
		}
		return time.Since(began)
	}
	for loop() < 400*time.Millisecond {
		turns *= 2
	}
	go func() {
		for {
			loop()
			runtime.Gosched()
		}
	}()
	for range time.Tick(time.Second) {
		runtime.GC()
	}
}

var sink uint64 = 1

// busy uses all CPUs.
func busy() {
	for range runtime.GOMAXPROCS(0) - 1 {
		go spin()
	}
	spin()
}

func spin() {
	for x := uint64(1); x != 0; { // an odd number stays odd
		x *= 3
	}
}
