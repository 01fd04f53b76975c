package phi

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails the package if a test leaves a goroutine behind (I10). Started by a test with
// childPeer set, this program is a peer that sends heartbeats.
func TestMain(m *testing.M) {
	if address := os.Getenv(childPeer); address != "" {
		os.Exit(peer(address))
	}
	goleak.VerifyTestMain(m)
}
