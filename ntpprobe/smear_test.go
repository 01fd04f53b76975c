package ntpprobe

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSmear_DifferentScalesAreRefused(t *testing.T) {
	for _, c := range []struct {
		why  string
		tags []string
		text string
	}{
		{"none smears", []string{"", "", ""}, ""},
		{"all smear alike", []string{"google24h", "google24h", "google24h"}, ""},
		{"one smears", []string{"", "", "google24h"}, `s1 has no smear and s3 has the smear "google24h"`},
		{"they smear differently", []string{"google24h", "aws", "google24h"}, `s1 has the smear "google24h" and s2 has the smear "aws"`},
	} {
		servers := Servers("s1", "s2", "s3")
		for i, tag := range c.tags {
			servers[i].Smear = tag
		}
		_, err := NewEstimator(servers, Assumptions{})
		if c.text == "" {
			require.NoError(t, err, c.why)
			continue
		}
		var config *ConfigError
		require.ErrorAs(t, err, &config, c.why)
		require.Equal(t, "smear", config.Setting)
		require.ErrorContains(t, err, c.text, c.why)
	}
}

func TestSmear_ReferenceIDsThatGiveItAway(t *testing.T) {
	may := time.Date(2026, 5, 15, 0, 0, 0, 0, time.UTC).UnixNano()
	for _, c := range []struct {
		why     string
		id      uint32
		stratum uint8
		at      int64
		smears  bool
	}{
		{"an upstream server", 0xc0000201, 2, newYear, false},
		{"GPS", 0x47505300, 1, may, false},
		{"chronyd's smoothtime", 0x7f7f01ff, 3, may, true},
		{"Google", 0x474f4f47, 1, may, true},
		{"a server at 71.79.79.71", 0x474f4f47, 2, may, false},
		{"ntpd, half a second into a smear", 0xfee00000, 2, newYear - int64(12*time.Hour), true},
		{"the same the other way", 0xfe200000, 2, newYear + int64(12*time.Hour), true},
		{"a hash that would be a smear of 1.5 s", 0xfea00000, 2, newYear, false},
		{"a hash in the middle of a month", 0xfee00000, 2, may, false},
	} {
		s := newWorld(1, 1, 0, 200_000).exchange(0)
		s.T2, s.T3 = c.at, c.at
		s.Header.ReferenceID, s.Header.Stratum = c.id, c.stratum
		err := s.Check(Limits{})
		if !c.smears {
			require.NoError(t, err, c.why)
			continue
		}
		var rejected *RejectedError
		require.ErrorAs(t, err, &rejected, c.why)
		require.Equal(t, ReasonSmear, rejected.Reason)
		s.Server.Smear = "declared"
		require.NoError(t, s.Check(Limits{}), c.why)
	}
}

// TestSmear_NoLeapSecondOnASmearedScale: whatever the servers' indicators say.
func TestSmear_NoLeapSecondOnASmearedScale(t *testing.T) {
	w := newLeapWorld(1, 4, 0, LeapNone, time.Minute)
	for i := range w.servers {
		w.servers[i].Smear = "linear24h"
		w.says[i] = func() Leap { return LeapInsert }
	}
	e, err := NewEstimator(w.servers, Assumptions{})
	require.NoError(t, err)
	for i := range w.servers {
		require.NoError(t, e.Add(w.ask(i)))
	}
	b, err := e.Bound(w.reading())
	require.NoError(t, err)
	iv, err := b.Interval(w.reading())
	require.NoError(t, err)
	require.Less(t, iv.Width(), 500*time.Millisecond)
	require.Equal(t, PendingLeap{}, e.Leap())
}
