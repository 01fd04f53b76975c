package ntpprobe

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func lost() error         { return &RejectedError{Reason: ReasonTimeout} }
func said(r Reason) error { return &RejectedError{Reason: r} }

// pauses runs a schedule over outcomes; −1 means never again.
func pauses(s *schedule, outcomes ...error) (list []time.Duration) {
	for _, o := range outcomes {
		pause, ok := s.after(o)
		if !ok {
			return append(list, -1)
		}
		list = append(list, pause/time.Second)
	}
	return list
}

func TestSchedule_Stories(t *testing.T) {
	cases := []struct {
		why      string
		policy   PollPolicy
		private  bool
		outcomes []error
		want     []time.Duration // seconds after each outcome
	}{
		{"a burst of four, then the regular pause", PollPolicy{}, false,
			[]error{nil, nil, nil, nil, nil}, []time.Duration{2, 2, 2, 64, 64}},
		{"losses double the pause up to the longest; a reply ends that", PollPolicy{Burst: 1}, false,
			[]error{lost(), lost(), lost(), lost(), lost(), lost(), nil}, []time.Duration{128, 256, 512, 1024, 1024, 1024, 64}},
		{"a loss in the burst does not end the burst", PollPolicy{}, false,
			[]error{lost(), nil, nil, nil}, []time.Duration{2, 2, 2, 64}},
		{"an unsynchronized server is asked as usual", PollPolicy{Burst: 1}, false,
			[]error{said(ReasonUnsynchronized), said(ReasonUnsynchronized)}, []time.Duration{64, 64}},
		{"RATE ends the burst and doubles the pause for good", PollPolicy{}, false,
			[]error{nil, said("kiss_of_death:RATE"), nil, said("kiss_of_death:RATE"), nil}, []time.Duration{2, 128, 128, 256, 256}},
		{"DENY ends it", PollPolicy{}, false, []error{said("kiss_of_death:DENY"), nil}, []time.Duration{-1}},
		{"RSTR ends it", PollPolicy{}, false, []error{nil, said("kiss_of_death:RSTR")}, []time.Duration{2, -1}},
		{"other kisses do not", PollPolicy{Burst: 1}, false, []error{said("kiss_of_death:XYZW")}, []time.Duration{64}},
		{"a public server is never asked faster than every 16 s", PollPolicy{MinPoll: time.Second, MaxPoll: 4 * time.Second, Burst: 1}, false,
			[]error{nil, lost()}, []time.Duration{16, 16}},
		{"a private one is", PollPolicy{MinPoll: time.Second, Burst: 1}, true, []error{nil, nil}, []time.Duration{1, 1}},
		{"an error of our own backs off like a loss", PollPolicy{Burst: 1}, false, []error{errors.New("no clock")}, []time.Duration{128}},
	}
	for _, c := range cases {
		got := pauses(newSchedule(c.policy.withDefaults(), c.private), c.outcomes...)
		require.Equal(t, c.want, got, c.why)
	}
}

func TestSchedule_BurstsAreRare(t *testing.T) {
	s := newSchedule(PollPolicy{}.withDefaults(), false)
	pauses(s, nil, nil, nil, nil)
	require.False(t, s.startBurst(9*time.Minute))
	require.True(t, s.startBurst(10*time.Minute))
	require.Equal(t, []time.Duration{2, 2, 2, 64}, pauses(s, nil, nil, nil, nil))
	pauses(s, said("kiss_of_death:RATE"))
	require.False(t, s.startBurst(time.Hour), "never again after RATE")
}

func TestSchedule_JitterIsFivePercentBothWays(t *testing.T) {
	require.Equal(t, 95*time.Second, (&schedule{}).jitter(100*time.Second, 0))
	require.Equal(t, 100*time.Second, (&schedule{}).jitter(100*time.Second, 0.5))
	require.InDelta(t, float64(105*time.Second), float64((&schedule{}).jitter(100*time.Second, 0.999999)), 1e6)
}

// TestSchedule_PublicServersAreSpared: whatever the policy says.
func TestSchedule_PublicServersAreSpared(t *testing.T) {
	hasty := PollPolicy{MinPoll: time.Second, MaxPoll: time.Second, Burst: 16, BurstInterval: time.Millisecond, BurstEvery: time.Nanosecond}
	s := newSchedule(hasty.withDefaults(), false)
	require.Equal(t, []time.Duration{2, 2, 2, 16, 16}, pauses(s, nil, nil, nil, nil, nil))
	require.Equal(t, 16*time.Second, s.jitter(16*time.Second, 0), "jitter does not go below the floor")
	require.Equal(t, 2*time.Second, s.jitter(2*time.Second, 0), "nor below a burst's pace")
	require.False(t, s.startBurst(10*time.Minute-1))
	require.True(t, s.startBurst(10*time.Minute))
	require.Equal(t, []time.Duration{2, 2, 2, 16}, pauses(s, nil, nil, nil, nil))
}

func TestPollPolicy_RefusesNonsense(t *testing.T) {
	for _, p := range []PollPolicy{
		{MinPoll: -1}, {MaxPoll: time.Second}, {Burst: 17}, {Burst: -1}, {BurstEvery: -1}, {Timeout: -1}, {BurstInterval: time.Nanosecond},
	} {
		require.ErrorAs(t, p.withDefaults().validate(), new(*ConfigError))
	}
}
