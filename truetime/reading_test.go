package truetime_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

func TestReading_EarlyAndLate(t *testing.T) {
	for _, c := range []struct {
		why         string
		nanos       int64
		slack       time.Duration
		early, late int64
	}{
		{"a strict reading is one instant", 100, 0, 100, 100},
		{"slack opens both sides", 100, 7, 93, 107},
		{"the end of the counter stops it", highest - 1, 5, highest - 6, highest},
		{"and its beginning", lowest + 1, 5, lowest, lowest + 6},
		{"a negative slack, which no clock may have, never narrows", 100, -1, lowest, highest},
		{"not even the most negative one", -5, time.Duration(lowest), lowest, highest},
	} {
		r := truetime.Reading{Nanos: c.nanos, Epoch: 3, Slack: c.slack}
		require.Equal(t, truetime.Reading{Nanos: c.early, Epoch: 3}, r.Early(), c.why)
		require.Equal(t, truetime.Reading{Nanos: c.late, Epoch: 3}, r.Late(), c.why)
	}
}

func TestReading_String(t *testing.T) {
	require.Equal(t, "12.000000345s in epoch 3", truetime.Reading{Nanos: 12_000_000_345, Epoch: 3}.String())
	require.Equal(t, "12.000000345s ±1.5µs in epoch 3", truetime.Reading{Nanos: 12_000_000_345, Epoch: 3, Slack: 1500}.String())
}

// TestBound_SlackHoldsEveryStrictReading: the interval of a reading with slack
// contains the interval of each strict reading that it may stand for.
func TestBound_SlackHoldsEveryStrictReading(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := sound()
		b.Expires = 1000 + int64(time.Hour)
		b.Earliest.SlopePPB, b.Latest.SlopePPB = -anyDrift(t), anyDrift(t)
		at := rapid.Int64Range(1000, b.Expires).Draw(t, "strict")
		strict, err := b.Interval(truetime.Reading{Nanos: at, Epoch: 7})
		require.NoError(t, err)
		slack := rapid.Int64Range(0, int64(time.Millisecond)).Draw(t, "slack")
		off := rapid.Int64Range(-slack, slack).Draw(t, "off")
		loose, err := b.Interval(truetime.Reading{Nanos: at + off, Epoch: 7, Slack: time.Duration(slack)})
		switch {
		case at+off-slack < 1000:
			require.ErrorIs(t, err, truetime.ErrReadingBeforeBound, "it may be")
		case at+off+slack > b.Expires:
			require.ErrorIs(t, err, truetime.ErrStale, "it may be")
		default:
			require.NoError(t, err)
			require.LessOrEqual(t, loose.EarliestUnixNano(), strict.EarliestUnixNano())
			require.GreaterOrEqual(t, loose.LatestUnixNano(), strict.LatestUnixNano())
		}
	})
}

func anyDrift(t *rapid.T) int64 { return rapid.Int64Range(0, 500_000).Draw(t, "drift") }

func TestBound_IsMadeWithAStrictReading(t *testing.T) {
	b := sound()
	b.At.Slack = 1
	require.ErrorAs(t, b.Validate(), new(*truetime.BoundError))
}

// loose is a clock that follows another one and knows it only within a slack.
type loose struct {
	*truetimetest.Manual
	ahead, slack time.Duration
	lag          *truetime.Reading // if set, it has not seen yet what its strict clock has
}

func (l *loose) Read() (truetime.Reading, error) {
	if l.lag != nil {
		return *l.lag, nil
	}
	r, err := l.Manual.Read()
	return truetime.Reading{Nanos: r.Nanos + int64(l.ahead), Epoch: r.Epoch, Slack: l.slack}, err
}

func (l *loose) Strict() truetime.LocalClock { return l.Manual }

// TestClock_SlackIsCutOffWhereTheBoundBegins: Now loads the bound first, so a
// reading that may be older than the bound is not.
func TestClock_SlackIsCutOffWhereTheBoundBegins(t *testing.T) {
	for _, c := range []struct {
		why              string
		ahead, slack     time.Duration
		earliest, latest time.Duration // after noon
	}{
		{"a strict reading", 0, 0, -50, 50},
		{"slack before the bound adds nothing", 0, 20, -50, 71},
		{"not even if the reading itself lies there", -15, 20, -50, 56},
		{"slack after it widens both sides", 30, 20, -41, 101},
	} {
		local := &loose{Manual: truetimetest.NewManual(0), ahead: c.ahead, slack: c.slack}
		r, err := local.Manual.Read()
		require.NoError(t, err)
		clock := truetime.New(local, truetime.Options{})
		require.NoError(t, clock.Update(truetimetest.Around(r, noon, 50, driftPPB), nil), c.why)
		now, err := clock.Now()
		require.NoError(t, err)
		require.Equal(t, interval(t, noon+int64(c.earliest), noon+int64(c.latest)), now, c.why)
		require.GreaterOrEqual(t, clock.Status().Age, time.Duration(0))
	}
}

func TestClock_SlackCountsAgainstTheExpiry(t *testing.T) {
	local := &loose{Manual: truetimetest.NewManual(0), slack: 20}
	r, err := local.Manual.Read()
	require.NoError(t, err)
	clock := truetime.New(local, truetime.Options{})
	b := truetimetest.Around(r, noon, 50, driftPPB)
	b.Expires = 100
	require.NoError(t, clock.Update(b, nil))
	local.Advance(80)
	_, err = clock.Now()
	require.NoError(t, err)
	local.Advance(1)
	_, err = clock.Now()
	require.ErrorIs(t, err, truetime.ErrStale)
}

// TestClock_TheStrictClockJudgesANewBound: a clock that has not noticed the new
// epoch yet must not refuse the first bound that was made in it.
func TestClock_TheStrictClockJudgesANewBound(t *testing.T) {
	local := &loose{Manual: truetimetest.NewManual(0)}
	old, err := local.Read()
	require.NoError(t, err)
	clock := truetime.New(local, truetime.Options{})
	require.NoError(t, clock.Update(truetimetest.Around(old, noon, 50, driftPPB), nil))
	local.lag = &old
	local.Suspend("a nap")
	r, err := local.Manual.Read()
	require.NoError(t, err)
	require.NoError(t, clock.Update(truetimetest.Around(r, noon, 50, driftPPB), nil))
	_, err = clock.Now()
	require.ErrorAs(t, err, new(*truetime.DisruptedError), "still the old epoch: nothing to serve")
	local.lag = nil
	_, err = clock.Now()
	require.NoError(t, err)
}
