package ntpprobe

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
)

const µs = int64(time.Microsecond)

// stamped is what one exchange saw of the clocks.
type stamped struct {
	t1, t4         truetime.Reading
	sent, received wallLook
	stamp          int64
}

func (s stamped) arrival() (truetime.Reading, bool) {
	return arrival(s.t1, s.sent, s.stamp, s.received, s.t4)
}

// calm is an exchange on clocks that all run alike: the reply arrived 100 µs
// after the request left and lay in the kernel for 1 ms. Each look is 40 ns wide.
func calm() stamped {
	const local, mono, wall = 5_000_000_000, 900_000_000, worldStart
	const arrived, read = 100_000, 1_100_000
	return stamped{
		t1: truetime.Reading{Nanos: local + 30, Epoch: 7}, sent: wallLook{mono - 20, wall, mono + 20},
		stamp:    wall + arrived,
		received: wallLook{mono + read - 20, wall + read, mono + read + 20}, t4: truetime.Reading{Nanos: local + read + 30, Epoch: 7},
	}
}

// take lets the wall clock and the monotonic clock move by wall until the
// receive, and the local clock by local.
func (s *stamped) take(wall, local int64) {
	s.received = wallLook{s.sent.before + wall, s.sent.wall + wall, s.sent.after + wall}
	s.t4.Nanos = s.t1.Nanos + local
}

// stepWall moves the wall clock by d between the stamp and the receive.
func (s *stamped) stepWall(d int64) { s.received.wall += d }

// TestArrival_Believes says how early the stamp puts T4, in nanoseconds after T1.
func TestArrival_Believes(t *testing.T) {
	for name, story := range map[string]struct {
		happened func(*stamped)
		want     int64
	}{
		"the request is nearer: 4/3 of 100 µs and two looks": {
			func(*stamped) {}, 133_392},
		"the receive is nearer: 4/5 of 50 µs less two looks": {
			func(s *stamped) { s.stamp = s.received.wall - 50*µs }, 1_060_044},
		"a step forward of 30 ns hides in the looks and is paid for": {
			func(s *stamped) { s.stamp = s.received.wall - 50*µs; s.stepWall(30) }, 1_060_050},
		"a step back of 30 ns before the stamp as well": {
			func(s *stamped) { s.stamp -= 30; s.stepWall(-30) }, 133_392},
		"a slew of 40 µs in the millisecond is within the rates": {
			func(s *stamped) { s.take(1140*µs, 1100*µs) }, 133_392},
	} {
		t.Run(name, func(t *testing.T) {
			s := calm()
			story.happened(&s)
			got, ok := s.arrival()
			require.True(t, ok)
			require.Equal(t, story.want, got.Nanos-s.t1.Nanos)
			require.Equal(t, s.t4.Epoch, got.Epoch)
		})
	}
}

func TestArrival_Refuses(t *testing.T) {
	for name, happened := range map[string]func(*stamped){
		"the wall clock was stepped an hour forward":         func(s *stamped) { s.stepWall(int64(time.Hour)) },
		"the wall clock was stepped an hour back":            func(s *stamped) { s.stepWall(-int64(time.Hour)) },
		"a step of 1 µs is seen":                             func(s *stamped) { s.stepWall(1 * µs) },
		"and one of 1 µs back":                               func(s *stamped) { s.stepWall(-1 * µs) },
		"the stamp is of a moment before the request":        func(s *stamped) { s.stamp = s.sent.wall - 1 },
		"the stamp is of a moment after the receive":         func(s *stamped) { s.take(10*µs, 40*µs); s.stamp = s.received.wall + 1 },
		"the stamp is nonsense":                              func(s *stamped) { s.stamp = math.MaxInt64 },
		"the stamp would put the arrival before the request": func(s *stamped) { s.take(150*µs, 110*µs); s.stamp = s.sent.wall + 1 },
		"the wall clock gains 60 µs in a millisecond":        func(s *stamped) { s.take(1060*µs, 1000*µs) },
		"it loses 60 µs":                                     func(s *stamped) { s.take(940*µs, 1000*µs) },
		"a new epoch began during the exchange":              func(s *stamped) { s.t4.Epoch++ },
		"the machine slept: the monotonic clock stood still": func(s *stamped) { s.stepWall(3e9); s.t4.Nanos += 3e9 },
		"the local clock stands still":                       func(s *stamped) { s.t4 = s.t1 },
		"the local clock ran back":                           func(s *stamped) { s.t4.Nanos = s.t1.Nanos - 1 },
		"the local clock is at its last nanosecond":          func(s *stamped) { s.t1.Nanos, s.t4.Nanos = math.MaxInt64-10, math.MaxInt64 },
		"the local clock jumped from one end to the other": func(s *stamped) {
			s.take(10*µs, 0)
			s.stamp, s.t1.Nanos, s.t4.Nanos = s.sent.wall+1, math.MinInt64, math.MaxInt64
		},
		"read at once, our own reading is as good": func(s *stamped) { s.stamp = s.received.wall },
		"preempted within both looks, for 10 ms":   func(s *stamped) { s.sent.before -= 10_000 * µs; s.received.before -= 10_000 * µs },
	} {
		t.Run(name, func(t *testing.T) {
			s := calm()
			happened(&s)
			_, ok := s.arrival()
			require.False(t, ok)
		})
	}
}
