package truetime

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// bench is a strict clock and a cheap one beside it, on the test's own time. The
// cheap one runs off by offPPM; both are moved by advance.
type bench struct {
	strict   float64 // ns of the strict clock
	cheap    float64 // ticks
	offPPM   float64
	epoch    uint64
	before   time.Duration // what a strict read takes until its instant
	after    time.Duration // and from there
	lookups  int
	err      error
	slack    time.Duration
	override *Reading
}

func (b *bench) advance(d time.Duration) {
	b.strict += float64(d)
	b.cheap += float64(d) * (1 + b.offPPM/1e6)
}

func (b *bench) Read() (Reading, error) {
	b.lookups++
	b.advance(b.before)
	r := Reading{Nanos: int64(b.strict), Epoch: b.epoch, Slack: b.slack}
	b.advance(b.after)
	if b.override != nil {
		r, b.override = *b.override, nil
	}
	return r, b.err
}

func (b *bench) ticks() int64       { return int64(b.cheap) }
func (b *bench) EpochCause() string { return "the test said so" }

// fast is an extension as FastClock makes it, on the cheap clock of the bench.
func (b *bench) fast(period time.Duration) *extension {
	t := slewed(maxSlewPercent)
	t.limit = uint64(period)
	x := &extension{}
	x.init(b, b.ticks, func(look) tempo { return t })
	return x
}

// TestExtension_HoldsTheStrictClock, however the cheap clock is slewed and the
// looks are delayed; Early never goes back, and never more slack than is owed.
func TestExtension_HoldsTheStrictClock(t *testing.T) {
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 1))
		b := &bench{epoch: 1, strict: 1e9, cheap: float64(random.Int64N(1e12))}
		x := b.fast(100 * time.Microsecond)
		last := Reading{Epoch: 1}
		for range 1000 {
			if random.IntN(20) == 0 {
				b.offPPM = (random.Float64()*2 - 1) * maxSlewPercent * 1e4
			}
			b.before = time.Duration(random.Int64N(500))
			b.after = time.Duration(random.Int64N(500))
			if random.IntN(20) == 0 {
				b.after = time.Duration(random.Int64N(50_000)) // preempted
			}
			b.advance(time.Duration(random.Int64N(20_000)))
			began := int64(b.strict)
			r, err := x.Read()
			ended := int64(b.strict)
			require.NoError(t, err)
			require.LessOrEqual(t, r.Early().Nanos, ended, "seed %d", seed)
			require.GreaterOrEqual(t, r.Late().Nanos, began, "seed %d", seed)
			require.GreaterOrEqual(t, r.Early().Nanos, last.Early().Nanos, "seed %d", seed)
			require.LessOrEqual(t, r.Slack, 50*time.Microsecond)
			last = r
		}
	}
}

// TestExtension_LooksOncePerPeriod, and pays for the time since the last look.
func TestExtension_LooksOncePerPeriod(t *testing.T) {
	b := &bench{epoch: 1, before: 100, after: 200}
	x := b.fast(time.Millisecond)
	for range 100 {
		b.advance(100 * time.Microsecond)
		_, err := x.Read()
		require.NoError(t, err)
	}
	require.Equal(t, 10, b.lookups, "ten milliseconds")

	b.advance(time.Millisecond)
	r, err := x.Read()
	require.NoError(t, err)
	require.Zero(t, r.Slack, "the look itself is exact")
	b.advance(500 * time.Microsecond)
	r, err = x.Read()
	require.NoError(t, err)
	require.Equal(t, Reading{Nanos: r.Early().Nanos, Epoch: 1}, r.Early())
	owed := 500_000*(1/0.77-1/1.23) + 300/0.77
	require.InDelta(t, owed/2, float64(r.Slack), 3, "half of what the slew and the width of the look leave open")
}

func TestExtension_WhatIsNotExtended(t *testing.T) {
	for _, c := range []struct {
		why  string
		then func(*bench)
	}{
		{"a reading whose period is over", func(b *bench) { b.advance(time.Millisecond) }},
		{"ticks that went back, by one even", func(b *bench) { b.cheap -= 301 }},
		{"ticks that jumped ahead", func(b *bench) { b.cheap += 1e15 }},
	} {
		b := &bench{epoch: 1, before: 100, after: 200, cheap: 1e6}
		x := b.fast(time.Millisecond)
		_, err := x.Read()
		require.NoError(t, err)
		_, err = x.Read()
		require.NoError(t, err)
		require.Equal(t, 1, b.lookups)
		b.advance(100)
		c.then(b)
		r, err := x.Read()
		require.NoError(t, err)
		require.Equal(t, 2, b.lookups, c.why)
		require.Zero(t, r.Slack, c.why)
	}
	for _, c := range []struct {
		why string
		b   *bench
	}{
		{"a look that was interrupted", &bench{epoch: 1, before: 100 * time.Microsecond, after: 100 * time.Microsecond}},
		{"a reading that is not strict", &bench{epoch: 1, slack: 1}},
		{"a period of no time", &bench{epoch: 1}},
	} {
		x := c.b.fast(time.Millisecond)
		if c.why == "a period of no time" {
			x = c.b.fast(0)
		}
		for range 3 {
			r, err := x.Read()
			require.NoError(t, err)
			require.Equal(t, c.b.slack, r.Slack, c.why)
		}
		require.Equal(t, 3, c.b.lookups, c.why)
	}
}

// TestExtension_Epochs: a new one is seen when the period is over, and nothing
// of the old one afterwards.
func TestExtension_Epochs(t *testing.T) {
	b := &bench{epoch: 1, before: 100, after: 200}
	x := b.fast(time.Millisecond)
	r, err := x.Read()
	require.NoError(t, err)
	require.Equal(t, uint64(1), r.Epoch)

	b.epoch, b.strict = 2, -1e9 // the strict clock starts again, lower
	b.advance(100 * time.Microsecond)
	r, err = x.Read()
	require.NoError(t, err)
	require.Equal(t, uint64(1), r.Epoch, "HAZARD: not seen within the period")
	b.advance(time.Millisecond)
	r, err = x.Read()
	require.NoError(t, err)
	require.Equal(t, uint64(2), r.Epoch)
	require.Negative(t, r.Nanos, "the floor of the old epoch holds no longer")
	b.advance(100)
	r, err = x.Read()
	require.NoError(t, err)
	require.Equal(t, uint64(2), r.Epoch)
	require.Equal(t, 2, b.lookups)
	require.Equal(t, "the test said so", x.EpochCause())
	require.Equal(t, LocalClock(b), x.Strict())
}

// TestExtension_AReadingThatWasOvertaken: a goroutine that took its strict reading
// before a new epoch, and comes back after another has seen that, takes it again.
func TestExtension_AReadingThatWasOvertaken(t *testing.T) {
	b := &bench{epoch: 2, before: 100, after: 200}
	x := b.fast(time.Millisecond)
	_, err := x.Read()
	require.NoError(t, err)
	b.advance(2 * time.Millisecond)
	b.override = &Reading{Nanos: 5, Epoch: 1}
	r, err := x.Read()
	require.NoError(t, err)
	require.Equal(t, uint64(2), r.Epoch)

	b.epoch = 1
	b.advance(2 * time.Millisecond)
	_, err = x.Read()
	require.ErrorIs(t, err, errEpochsGoBack, "a clock that never comes back is no strict clock")
}

// TestExtension_TheFloor: a strict reading was handed out while another, older one
// became the anchor; what follows from that does not begin before the floor.
func TestExtension_TheFloor(t *testing.T) {
	b := &bench{epoch: 1, before: 0, after: 10_000}
	x := b.fast(time.Millisecond)
	_, err := x.Read()
	require.NoError(t, err)
	x.writing.Store(true) // somebody is about to leave an anchor
	b.advance(2 * time.Millisecond)
	older := look{before: b.ticks()}
	older.Reading, err = b.Read()
	older.after = b.ticks()
	require.NoError(t, err)
	exact, err := x.Read()
	require.NoError(t, err)
	require.Zero(t, exact.Slack, "whoever meets the writer takes the strict reading")
	x.writing.Store(false)
	x.leave(older)
	r, err := x.Read()
	require.NoError(t, err)
	require.NotZero(t, r.Slack)
	require.GreaterOrEqual(t, r.Early().Nanos, exact.Nanos)
}

// TestExtension_AWriterWhoStops in the middle keeps nobody waiting.
func TestExtension_AWriterWhoStops(t *testing.T) {
	b := &bench{epoch: 1, before: 100, after: 200}
	x := b.fast(time.Millisecond)
	_, err := x.Read()
	require.NoError(t, err)
	x.writing.Store(true)
	x.seq.Add(1)
	for range 3 {
		r, err := x.Read()
		require.NoError(t, err)
		require.Zero(t, r.Slack)
	}
	require.Equal(t, 4, b.lookups)
}

func TestExtension_ErrorsAreThoseOfTheStrictClock(t *testing.T) {
	broken := errors.New("broken")
	b := &bench{epoch: 1, err: broken}
	_, err := b.fast(time.Millisecond).Read()
	require.ErrorIs(t, err, broken)
	_, err = NewFastClock(nil, 0).Read()
	require.Error(t, err, "no clock at all")
}

// TestFastClock_ManyGoroutines on the real clocks: each reading lies between two
// strict ones, Early never goes back, also from one goroutine to the next.
func TestFastClock_ManyGoroutines(t *testing.T) {
	strict, err := NewLocalClock()
	require.NoError(t, err)
	for name, clocks := range map[string][2]LocalClock{
		"strict":        {strict, NewFastClock(strict, 0)},
		"often renewed": {strict, NewFastClock(strict, 5*time.Microsecond)},
	} {
		t.Run(name, func(t *testing.T) { checkFollows(t, clocks[0], clocks[1]) })
	}
	portable := NewPortableClock()
	t.Run("portable", func(t *testing.T) { checkFollows(t, portable, NewFastClock(portable, 0)) })
}

// checkFollows reads both clocks from several goroutines.
func checkFollows(t *testing.T, strict, follower LocalClock) {
	t.Helper()
	var readers sync.WaitGroup
	var mu sync.Mutex
	var seen Reading // an Early that somebody saw
	for range 4 {
		readers.Go(func() {
			var last Reading
			for i := range 2000 {
				if i%10 == 0 {
					mu.Lock()
					if seen.Nanos > last.Nanos {
						last = seen
					}
					mu.Unlock()
				}
				a, err1 := strict.Read()
				r, err2 := follower.Read()
				b, err3 := strict.Read()
				if err := errors.Join(err1, err2, err3); err != nil || a.Epoch != b.Epoch {
					t.Errorf("%v %v: %v", a, b, err)
					return
				}
				early, late := r.Early(), r.Late()
				if late.Nanos < a.Nanos || early.Nanos > b.Nanos || early.Nanos < last.Nanos || r.Epoch != a.Epoch {
					t.Errorf("%v is not between %v and %v, or begins before %v", r, a, b, last)
					return
				}
				last = early
				if i%10 == 5 {
					mu.Lock()
					if seen.Nanos < last.Nanos {
						seen = last
					}
					mu.Unlock()
				}
			}
		})
	}
	readers.Wait()
}

func TestFastClock_DoesNotAllocate(t *testing.T) {
	strict, err := NewLocalClock()
	require.NoError(t, err)
	for _, period := range []time.Duration{0, time.Second, -1} { // -1: each read is a look
		c := NewFastClock(strict, period)
		_, err = c.Read()
		require.NoError(t, err)
		require.Zero(t, testing.AllocsPerRun(1000, func() { _, _ = c.Read() }), "period %v", period)
	}
}

func TestSlewed_IsRoundedOutward(t *testing.T) {
	for percent := range uint64(50) {
		s := slewed(percent)
		require.LessOrEqual(t, s.shortest*(100+percent), uint64(100<<32))
		require.GreaterOrEqual(t, s.longest*(100-percent), uint64(100<<32))
	}
	require.Equal(t, tempo{shortest: 1 << 32, longest: 1 << 32}, slewed(0))
}
