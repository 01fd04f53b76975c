package pause_test

import (
	"context"
	"fmt"
	"time"

	"github.com/trueclock/trueclock/truetime/pause"
)

// A server that sheds load after a pause: whatever waits in its queues has waited for longer than
// it knows, and its lease may be over.
func ExampleMonitor() {
	shed := func(f pause.Finding) {
		if f.Kind.StoodStill() {
			fmt.Println("dropping the lease and all that waits:", f)
		}
	}
	monitor, err := pause.New(pause.Options{Notify: shed})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- monitor.Run(ctx) }()
	// … the server serves …
	cancel()
	fmt.Println(<-ended)
	// Output: <nil>
}

// What the callback is told after a SIGSTOP of 450 ms, and after the wall clock went back an hour.
func ExampleFinding() {
	for _, f := range []pause.Finding{
		{Kind: pause.Stopped, Least: 400 * time.Millisecond, Most: 500 * time.Millisecond},
		{Kind: pause.Stepped, Least: -time.Hour, Most: -time.Hour},
	} {
		fmt.Println(f, f.Kind.StoodStill())
	}
	// Output:
	// stopped for 450ms ± 50ms true
	// stepped by -1h0m0s ± 0s false
}
