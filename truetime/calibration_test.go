package truetime

import (
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// counting is a counter clock on the bench, whose ticks are those of a CPU.
func (b *bench) counting(trust func() error) *CounterClock {
	return newCounterClock(b, 0, b.ticks, trust)
}

func trusted() error { return nil }

// learn lets time pass until the counter is known.
func (b *bench) learn(t *testing.T, c *CounterClock) {
	t.Helper()
	for range 1000 {
		if _, err := c.Read(); err != nil || c.Doubt() == nil {
			require.NoError(t, err)
			return
		}
		b.advance(time.Millisecond)
	}
	require.NoError(t, c.Doubt())
}

// TestCounterClock_HoldsTheStrictClock at any frequency of the counter, with
// looks that are delayed now and then; after the calibration slack is the width of a look.
func TestCounterClock_HoldsTheStrictClock(t *testing.T) {
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 2))
		hz := []float64{24e6, 1e9, 2.1e9, 5e9}[seed%4] * (1 + random.Float64()/100)
		b := &bench{epoch: 1, strict: 1e9, cheap: float64(random.Int64N(1e9)), offPPM: (hz/1e9 - 1) * 1e6}
		c := b.counting(trusted)
		var last Reading
		counted := 0
		for range 4_000 {
			b.before, b.after = time.Duration(random.Int64N(300)), time.Duration(random.Int64N(300))
			if random.IntN(50) == 0 {
				b.before = time.Duration(random.Int64N(int64(time.Millisecond)))
			}
			b.advance(time.Duration(random.Int64N(100_000)))
			began := int64(b.strict)
			r, err := c.Read()
			require.NoError(t, err)
			require.LessOrEqual(t, r.Early().Nanos, int64(b.strict), "seed %d, %v Hz", seed, hz)
			require.GreaterOrEqual(t, r.Late().Nanos, began, "seed %d, %v Hz", seed, hz)
			require.GreaterOrEqual(t, r.Early().Nanos, last.Nanos, "seed %d", seed)
			last = r.Early()
			if r.Slack != 0 {
				counted++
				require.LessOrEqual(t, r.Slack, 80*time.Microsecond, "an eighth of a period, 20 ppm, a tick")
			}
		}
		require.Greater(t, counted, 1500, "seed %d, %v Hz: it counts most of the time", seed, hz)
	}
}

// TestCounterClock_IsStrictUntilItKnows: the widths of two looks must leave no
// more than 20 ppm.
func TestCounterClock_IsStrictUntilItKnows(t *testing.T) {
	b := &bench{epoch: 1, before: 500, after: 500, offPPM: 1e6, cheap: 1e9} // 2 GHz
	c := b.counting(trusted)
	require.ErrorIs(t, c.Doubt(), errCalibrating)
	for b.strict < 99e6 {
		r, err := c.Read()
		require.NoError(t, err)
		require.Zero(t, r.Slack)
		require.ErrorIs(t, c.Doubt(), errCalibrating, "after %v ns", b.strict)
		b.advance(time.Millisecond / 2)
	}
	b.advance(3 * time.Millisecond)
	_, err := c.Read()
	require.NoError(t, err)
	require.NoError(t, c.Doubt())
	b.advance(900 * time.Microsecond)
	r, err := c.Read()
	require.NoError(t, err)
	require.InDelta(t, 500+9, float64(r.Slack), 8, "half the width of the look, and 20 ppm of 0.9 ms")
}

// TestCounterClock_AnInterruptedFirstLook does not make it wait for minutes.
func TestCounterClock_AnInterruptedFirstLook(t *testing.T) {
	b := &bench{epoch: 1, before: 300, after: 5 * time.Millisecond}
	c := b.counting(trusted)
	_, err := c.Read()
	require.NoError(t, err)
	b.after = 300
	b.learn(t, c)
	require.Less(t, b.strict, 1e9)
}

// TestCounterClock_WhatItSees of a counter that does not do what it should.
func TestCounterClock_WhatItSees(t *testing.T) {
	for _, c := range []struct {
		why  string
		then func(*bench)
		sees bool
	}{
		{"time passes", func(*bench) {}, true},
		{"it was set to 0, as by a suspend", func(b *bench) { b.cheap = 0 }, true},
		{"it jumped an hour ahead, as in a pause of the machine", func(b *bench) { b.cheap += 3600e9 }, true},
		{"it went back by a microsecond", func(b *bench) { b.cheap -= 51_000 }, true},
	} {
		b := &bench{epoch: 1, before: 300, after: 300, cheap: 1e12}
		clock := b.counting(trusted)
		b.learn(t, clock)
		b.advance(50 * time.Microsecond)
		looks := b.lookups
		c.then(b)
		r, err := clock.Read()
		require.NoError(t, err)
		if c.why == "time passes" {
			require.NotZero(t, r.Slack)
			require.Equal(t, looks, b.lookups)
			continue
		}
		require.Zero(t, r.Slack, c.why)
		require.Equal(t, looks+1, b.lookups, c.why)
		require.ErrorIs(t, clock.Doubt(), errCalibrating, "%s: it must be measured again", c.why)
		b.learn(t, clock)
	}
}

// TestCounterClock_AnotherRate is noticed at the next look if it is coarse, and
// by the distance to the first look if it is fine.
func TestCounterClock_AnotherRate(t *testing.T) {
	for _, c := range []struct {
		why     string
		offPPM  float64
		noticed time.Duration
	}{
		{"1 %", 10_000, 2 * time.Millisecond},
		{"100 ppm", 100, 300 * time.Millisecond},
	} {
		b := &bench{epoch: 1, before: 300, after: 300}
		clock := b.counting(trusted)
		b.learn(t, clock)
		b.offPPM = c.offPPM
		since := b.strict
		for clock.Doubt() == nil {
			b.advance(100 * time.Microsecond)
			_, err := clock.Read()
			require.NoError(t, err)
			require.Less(t, b.strict-since, float64(c.noticed), c.why)
		}
	}
}

// TestCounterClock_EachEpochAnew: measured again, and trusted again only if the
// kernel still does.
func TestCounterClock_EachEpochAnew(t *testing.T) {
	var verdict error
	b := &bench{epoch: 1, before: 300, after: 300}
	c := b.counting(func() error { return verdict })
	b.learn(t, c)
	b.epoch = 2
	b.advance(time.Millisecond)
	_, err := c.Read()
	require.NoError(t, err)
	require.ErrorIs(t, c.Doubt(), errCalibrating)
	b.learn(t, c)

	verdict = &NoCounterError{"a test that trusts it"}
	b.epoch = 3
	for range 2000 {
		b.advance(time.Millisecond)
		r, err := c.Read()
		require.NoError(t, err)
		require.Zero(t, r.Slack, "strict for the whole epoch")
	}
	require.ErrorIs(t, c.Doubt(), ErrNoCounter)
	require.EqualError(t, c.Doubt(), "truetime: no CPU counter to be trusted: a test that trusts it")

	verdict = nil
	b.epoch = 4
	b.learn(t, c)
}

// TestTempo_BetweenTwoLooks encloses the true tempo, in exact arithmetic.
func TestTempo_BetweenTwoLooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := look{Reading: Reading{Nanos: rapid.Int64Range(0, 1e15).Draw(t, "nanos")}, before: rapid.Int64Range(0, 1e15).Draw(t, "before")}
		a.after = a.before + rapid.Int64Range(0, 1e6).Draw(t, "width")
		ns := rapid.Int64Range(2, 1e13).Draw(t, "elapsed")
		b := look{Reading: Reading{Nanos: a.Nanos + ns}, before: a.after + rapid.Int64Range(0, 1e13).Draw(t, "ticks")}
		b.after = b.before + rapid.Int64Range(0, 1e6).Draw(t, "width 2")
		got, ok := between(a, b)
		if !ok {
			return
		}
		least, most := elapsed(a, b)
		up := new(big.Int).Lsh(big.NewInt(1), 32)
		low := new(big.Int).Mul(big.NewInt(ns-1), up)
		high := new(big.Int).Mul(big.NewInt(ns+1), up)
		require.LessOrEqual(t, new(big.Int).Mul(new(big.Int).SetUint64(got.shortest), big.NewInt(most)).Cmp(low), 0, "shortest × most ≤ (ns − 1)")
		require.GreaterOrEqual(t, new(big.Int).Mul(new(big.Int).SetUint64(got.longest), big.NewInt(least)).Cmp(high), 0, "longest × least ≥ (ns + 1)")
		require.True(t, got.explains(a, b), "what was measured explains itself")
	})
	for why, b := range map[string]look{
		"too close":                   {Reading: Reading{Nanos: 1}, before: 2000, after: 2000},
		"overlapping looks":           {Reading: Reading{Nanos: 100}, before: 5, after: 2000},
		"a counter that stands still": {Reading: Reading{Nanos: 1e9}, before: 10, after: 10},
		"one that went back":          {Reading: Reading{Nanos: 1e9}, before: -1e6, after: -1e6},
		"slower than one a minute":    {Reading: Reading{Nanos: 1e15}, before: 100, after: 101},
	} {
		_, ok := between(look{after: 10}, b)
		require.False(t, ok, why)
	}
	require.Equal(t, uint64(1<<64-1), scale(1<<63, 1<<63))
}
