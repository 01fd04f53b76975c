package phi_test

import (
	"fmt"
	"time"

	"github.com/trueclock/trueclock/truetime/phi"
)

// The history has no clock, so what it says of a silence can be shown.
func ExampleHistory() {
	history, err := phi.NewHistory(phi.Options{First: 100 * time.Millisecond, MinStdDev: 10 * time.Millisecond})
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := range 200 {
		history.Add(time.Duration(95+i%11) * time.Millisecond) // 95 to 105 ms
	}
	for _, silence := range []time.Duration{100, 120, 150, 300} {
		fmt.Printf("silent for %3d ms: φ = %.1f\n", silence, history.Phi(silence*time.Millisecond))
	}
	fmt.Println("timeout at φ = 8:", history.Timeout(8).Round(time.Millisecond))
	// Output:
	// silent for 100 ms: φ = 0.3
	// silent for 120 ms: φ = 1.6
	// silent for 150 ms: φ = 6.6
	// silent for 300 ms: φ = 88.6
	// timeout at φ = 8: 156ms
}

// A peer is trusted while it is heard, and given up at once where nobody listens any more.
func ExampleDetector() {
	peer, err := phi.New(phi.Options{First: time.Second, Pause: 500 * time.Millisecond})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(peer.State(8))
	peer.Heartbeat()
	fmt.Println(peer.State(8))
	// To be called with each error of an attempt to reach it:
	fmt.Println("proof of death:", peer.Down(fmt.Errorf("no answer for %v", time.Second)), peer.State(8))
	// Output:
	// unknown
	// trusted
	// proof of death: false trusted
}
