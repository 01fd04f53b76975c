package timex

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/timex/timextest"
)

// TestRead_OfThisMachine: plausible, whoever keeps its clock.
func TestRead_OfThisMachine(t *testing.T) {
	k, err := Read()
	if err != nil {
		t.Skip(err)
	}
	require.WithinDuration(t, time.Now(), k.Wall, time.Minute)
	require.GreaterOrEqual(t, k.State, OK)
	require.LessOrEqual(t, k.State, Error)
	require.Less(t, k.TickRatio, 0.11)
	require.Greater(t, k.TickRatio, -0.11)
}

// TestRead_ChangesNothing looks at the system calls themselves: this test, run once more by strace.
func TestRead_ChangesNothing(t *testing.T) {
	_, err := Read()
	if os.Getenv("TIMEX_READ") != "" || err != nil {
		t.Skip(err)
	}
	require.Equal(t, 1, timextest.OnlyReads(t, []int{0}, []string{"TIMEX_READ=1"}, os.Args[0], "-test.run=^TestRead_ChangesNothing$"))
}
