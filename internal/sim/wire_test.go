package sim

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/ntpprobe"
)

// TestRounding_OfTheRootFields: chrony never says less than it means, the others
// up to 15.3 µs less.
func TestRounding_OfTheRootFields(t *testing.T) {
	for _, d := range []time.Duration{0, 1, 15_258, 15_259, 30_518, time.Millisecond, time.Second, 16 * time.Second} {
		up, down := long(RoundUp.short(d)), long(Truncate.short(d))
		require.GreaterOrEqual(t, up, d)
		require.Less(t, up-d, 15_260*time.Nanosecond)
		require.LessOrEqual(t, down, d+1)
		require.Less(t, d-down, 15_260*time.Nanosecond)
	}
}

// TestExchange_CarriesWhatTheServerMeant: the stamps and claims arrive as they
// were meant, to the resolution of the packet.
func TestExchange_CarriesWhatTheServerMeant(t *testing.T) {
	w := New(Config{Servers: []Server{{
		Path:      Path{Forward: Direction{Min: 3 * time.Millisecond}, Back: Direction{Min: time.Millisecond}},
		RootDelay: 5 * time.Millisecond, RootDispersion: 700 * time.Microsecond, Offset: -200 * time.Microsecond, Hold: 20 * time.Microsecond,
	}}})
	s, end, err := w.Exchange(0, time.Minute, time.Second)
	require.NoError(t, err)
	require.Equal(t, time.Minute+4020*time.Microsecond, end)
	require.Equal(t, w.Reading(time.Minute), s.T1)
	require.Equal(t, w.Reading(end), s.T4)
	require.InDelta(t, w.Truth(time.Minute+2800*time.Microsecond), s.T2, 1)
	require.InDelta(t, w.Truth(time.Minute+2820*time.Microsecond), s.T3, 1)
	require.InDelta(t, 4*time.Millisecond, s.Delay(), 1)
	require.InDelta(t, 5*time.Millisecond, s.Header.RootDelay, 15_260)
	require.Equal(t, w.nodes[0].clientClaim(time.Minute), s.RootDistance())
}

// TestExchange_NobodyAnswers ends at the deadline, as a rejected sample.
func TestExchange_NobodyAnswers(t *testing.T) {
	w := New(Config{Servers: []Server{{Path: Path{Loss: 1}}}})
	_, end, err := w.Exchange(0, time.Minute, time.Second)
	var rejected *ntpprobe.RejectedError
	require.ErrorAs(t, err, &rejected)
	require.Equal(t, ntpprobe.ReasonTimeout, rejected.Reason)
	require.Equal(t, time.Minute+time.Second, end)
}
