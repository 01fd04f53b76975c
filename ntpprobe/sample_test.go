package ntpprobe

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
)

// good is an exchange that took 1 ms, 100 µs of it in the server.
func good() Sample {
	return Sample{
		Server: Server{Address: "192.0.2.1"},
		Header: Header{Version: 4, Stratum: 2, PrecisionExponent: -20, RootDelay: 2 * time.Millisecond, RootDispersion: time.Millisecond, ReferenceID: 1},
		T1:     truetime.Reading{Nanos: 5_000_000_000, Epoch: 1},
		T4:     truetime.Reading{Nanos: 5_001_000_000, Epoch: 1},
		T2:     worldStart, T3: worldStart + 100_000,
	}
}

func TestSample_Check_NamesTheReason(t *testing.T) {
	kiss := func(code string) uint32 {
		return uint32(code[0])<<24 | uint32(code[1])<<16 | uint32(code[2])<<8 | uint32(code[3])
	}
	cases := []struct {
		why    string
		change func(*Sample)
		reason Reason
	}{
		{"an ordinary reply", func(*Sample) {}, ""},
		{"NTP version 3 is fine", func(s *Sample) { s.Header.Version = 3 }, ""},
		{"version 5 is not what we asked for", func(s *Sample) { s.Header.Version = 5 }, ReasonMalformed},
		{"the server asks for less", func(s *Sample) { s.Header.Stratum, s.Header.ReferenceID = 0, kiss("RATE") }, "kiss_of_death:RATE"},
		{"a kiss comes with leap 3, and is a kiss all the same", func(s *Sample) {
			s.Header.Stratum, s.Header.ReferenceID, s.Header.Leap = 0, kiss("DENY"), LeapUnsynchronized
		}, "kiss_of_death:DENY"},
		{"a kiss without stamps keeps its code", func(s *Sample) {
			s.Header.Stratum, s.Header.ReferenceID, s.T2, s.T3 = 0, kiss("RSTR"), 0, 0
		}, "kiss_of_death:RSTR"},
		{"a server that starts is not a goodbye", func(s *Sample) { s.Header.Stratum, s.Header.ReferenceID = 0, kiss("INIT") }, ReasonUnsynchronized},
		{"chronyd before its first selection", func(s *Sample) {
			s.Header.Stratum, s.Header.ReferenceID, s.Header.Leap = 0, 0, LeapUnsynchronized
		}, ReasonUnsynchronized},
		{"leap 3 at any stratum", func(s *Sample) { s.Header.Leap = LeapUnsynchronized }, ReasonUnsynchronized},
		{"stratum 0 without a code", func(s *Sample) { s.Header.Stratum, s.Header.ReferenceID = 0, 0 }, ReasonStratum},
		{"stratum 16", func(s *Sample) { s.Header.Stratum = 16 }, ReasonStratum},
		{"stratum 15 is the last good one", func(s *Sample) { s.Header.Stratum = 15 }, ""},
		{"a hostile precision must not make E negative", func(s *Sample) { s.Header.PrecisionExponent = 34 }, ReasonMalformed},
		{"nor one finer than the format", func(s *Sample) { s.Header.PrecisionExponent = -33 }, ReasonMalformed},
		{"no receive stamp", func(s *Sample) { s.T2 = 0 }, ReasonMalformed},
		{"no transmit stamp on the wire, though it decodes to a date", func(s *Sample) { s.Header.transmitZero = true }, ReasonMalformed},
		{"sent before received", func(s *Sample) { s.T3 = s.T2 - 1 }, ReasonImpossible},
		{"held longer than the round trip", func(s *Sample) { s.T3 = s.T2 + 1_000_001 }, ReasonImpossible},
		{"held exactly as long as the round trip", func(s *Sample) { s.T3 = s.T2 + 1_000_000 }, ""},
		{"an epoch ended meanwhile", func(s *Sample) { s.T4.Epoch = 2 }, ReasonDisrupted},
		{"the local clock ran backwards", func(s *Sample) { s.T4.Nanos = s.T1.Nanos - 1 }, ReasonDisrupted},
		{"a reply after more than a second", func(s *Sample) { s.T4.Nanos = s.T1.Nanos + 1_000_000_001 }, ReasonRoundTrip},
		{"a server that may be off by 2 s", func(s *Sample) { s.Header.RootDispersion = 2 * time.Second }, ReasonRootDistance},
		{"the margin counts as well", func(s *Sample) { s.Server.Margin = 2 * time.Second }, ReasonRootDistance},
		{"faster than the configured distance allows", func(s *Sample) { s.Server.MinOneWay = time.Millisecond }, ReasonImpossible},
		{"readings at both ends of the range", func(s *Sample) { s.T1.Nanos, s.T4.Nanos = math.MinInt64, math.MaxInt64 }, ReasonImpossible},
		{"stamps at both ends of the range", func(s *Sample) { s.T2, s.T3 = math.MinInt64, math.MaxInt64 }, ReasonMalformed},
	}
	for _, c := range cases {
		s := good()
		c.change(&s)
		err := s.Check(Limits{})
		if c.reason == "" {
			require.NoError(t, err, c.why)
			continue
		}
		var rejected *RejectedError
		require.ErrorAs(t, err, &rejected, c.why)
		require.Equal(t, c.reason, rejected.Reason, c.why)
		require.NotEmpty(t, rejected.Detail, c.why)
		_, err = s.Bound(200_000, time.Hour)
		require.Error(t, err, c.why)
	}
}

// TestSample_RootDistance spells the formula out in numbers.
func TestSample_RootDistance(t *testing.T) {
	s := good()
	const want = 1_000_000 + 1_000_000 + // half of the root delay, root dispersion
		7_630 + 15_259 + 2 + // half a step, a step, rounding of the stamps
		954 // 2^-20 s, rounded up
	require.Equal(t, time.Duration(want), s.RootDistance())
	s.Server.Scale, s.Server.Margin = 2, 5*time.Microsecond
	require.Equal(t, time.Duration(want+1_000_000+5_000), s.RootDistance())
	s.Header = Header{PrecisionExponent: -32}
	s.Server = Server{}
	require.Equal(t, time.Duration(7_630+15_259+2+1), s.RootDistance(), "never below what rounding may hide")
	s.Server.RootRoundsUp = true
	require.Equal(t, time.Duration(2+1), s.RootDistance(), "a server that is known to round up hides nothing")
}

// TestSample_Bound_IsTwoConstraints: T2 + E from T1 on, T3 − E from T4 on, and
// the drift on both.
func TestSample_Bound_IsTwoConstraints(t *testing.T) {
	s := good()
	s.Server.MinOneWay = 100 * time.Microsecond
	b, err := s.Bound(200_000, time.Hour)
	require.NoError(t, err)
	iv, err := b.Interval(truetime.Reading{Nanos: s.T4.Nanos + 1e9, Epoch: 1})
	require.NoError(t, err)
	e := int64(s.RootDistance())
	require.Equal(t, s.T3-e+100_000+1e9-200_000, iv.EarliestUnixNano(), "aged by 1 s at 200 ppm since T4")
	require.Equal(t, s.T2+e-100_000+1e9+1e6+200_200, iv.LatestUnixNano(), "aged by 1.001 s at 200 ppm since T1")
	require.Equal(t, 900*time.Microsecond, s.Delay())
}

// TestSample_Bound_RefusesOneThatExcludesItself: both stamps are plausible on
// their own, and no true time satisfies both.
func TestSample_Bound_RefusesOneThatExcludesItself(t *testing.T) {
	s := good()
	s.Server.MinOneWay = 450 * time.Microsecond // twice this is the whole delay
	s.Header.RootDelay, s.Header.RootDispersion = 0, 0
	_, err := s.Bound(1, time.Hour)
	require.NoError(t, err)
	s.T4.Nanos = math.MaxInt64
	s.T1.Nanos = s.T4.Nanos - 1_000_000
	_, err = s.Bound(1, time.Hour)
	require.True(t, errors.As(err, new(*RejectedError)), "the expiry would overflow: %v", err)
}
