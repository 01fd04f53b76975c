package fencing

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails the package if any test leaves a goroutine behind (I10).
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// raced is set when the race detector is on. It slows tests down several times and sees no more in a thousand stories than in a hundred; the run
// without it tells them all.
var raced bool
