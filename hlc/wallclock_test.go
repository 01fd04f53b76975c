package hlc

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// machine is a computer whose clocks a test moves.
type machine struct {
	mu                sync.Mutex
	wall, mono, slept int64
}

const noon = int64(1_790_000_000e9)

// clock starts a WallClock on it.
func (m *machine) clock(t rapid.TB, o WallOptions) *WallClock {
	t.Helper()
	look := func(p *int64) func() int64 {
		return func() int64 {
			m.mu.Lock()
			defer m.mu.Unlock()
			return *p
		}
	}
	w := &WallClock{fake: &fakeClocks{wall: look(&m.wall), mono: look(&m.mono), slept: look(&m.slept)}}
	require.NoError(t, w.start(o))
	return w
}

// pass lets time pass; step sets the wall clock; sleep suspends the machine.
func (m *machine) pass(d time.Duration)  { m.move(int64(d), int64(d), 0) }
func (m *machine) step(d time.Duration)  { m.move(int64(d), 0, 0) }
func (m *machine) sleep(d time.Duration) { m.move(int64(d), 0, int64(d)) }

func (m *machine) move(wall, mono, slept int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wall, m.mono, m.slept = m.wall+wall, m.mono+mono, m.slept+slept
}

// TestWallClock_Stories: what a clock says (behind the wall clock of the machine by off) after something happened to
// the machine and two seconds have passed, and what its statistics say.
func TestWallClock_Stories(t *testing.T) {
	const s, hour = time.Second, time.Hour
	cases := []struct {
		why   string
		opts  WallOptions
		do    func(m *machine, w *WallClock)
		off   time.Duration
		stats JumpStats
	}{
		{"nothing happens", WallOptions{}, func(*machine, *WallClock) {}, 0, JumpStats{}},
		{"the wall clock is slewed by 400 ms in a second, and again: followed", WallOptions{}, func(m *machine, w *WallClock) {
			for range 4 {
				m.pass(s)
				m.step(400 * time.Millisecond)
				w.Now()
			}
		}, 0, JumpStats{}},
		{"a unit was mistaken and the wall clock jumps by 1000 s: not believed", WallOptions{}, func(m *machine, _ *WallClock) { m.step(1000 * s) },
			1000 * s, JumpStats{Jumps: 1, Refused: 1, Last: Jump{Step: 1000 * s, Wall: noon + 1002e9, Expected: noon + 2e9}, Disputed: 1000 * s}},
		{"it jumps back by an hour: not believed either", WallOptions{}, func(m *machine, _ *WallClock) { m.step(-hour) },
			-hour, JumpStats{Jumps: 1, Refused: 1, Last: Jump{Step: -hour, Wall: noon - 3600e9 + 2e9, Expected: noon + 2e9}, Disputed: -hour}},
		{"a leap second is repeated: no jump within two seconds", WallOptions{MaxJump: 2 * s}, func(m *machine, _ *WallClock) { m.step(-s) }, 0, JumpStats{}},
		{"the jump is mended: all is as before", WallOptions{}, func(m *machine, w *WallClock) {
			m.step(hour)
			m.pass(s)
			w.Now()
			m.step(-hour)
		}, 0, JumpStats{Jumps: 1, Refused: 1, Last: Jump{Step: hour, Wall: noon + 3601e9, Expected: noon + 1e9}}},
		{"a refused jump is asked about once, whatever is slewed on top of it", WallOptions{}, func(m *machine, w *WallClock) {
			m.step(hour)
			for range 5 {
				m.pass(s)
				m.step(100 * time.Millisecond)
				w.Now()
			}
		}, hour + 500*time.Millisecond, JumpStats{Jumps: 1, Refused: 1, Last: Jump{Step: hour + 100*time.Millisecond, Wall: noon + 3601.1e9, Expected: noon + 1e9}, Disputed: hour + 500*time.Millisecond}},
		{"a policy that only reports follows at once", WallOptions{Jumps: ReportJumps}, func(m *machine, _ *WallClock) { m.step(hour) },
			0, JumpStats{Jumps: 1, Last: Jump{Step: hour, Wall: noon + 3602e9, Expected: noon + 2e9}}},
		{"a policy that believes backwards jumps alone", WallOptions{Jumps: func(j Jump) bool { return j.Step < 0 }}, func(m *machine, w *WallClock) {
			m.step(hour)
			m.pass(s)
			w.Now()
			m.step(-2 * hour)
		}, 0, JumpStats{Jumps: 2, Refused: 1, Last: Jump{Step: -hour, Wall: noon - 3600e9 + 3e9, Expected: noon + 3e9}}},
		{"somebody accepts it", WallOptions{}, func(m *machine, w *WallClock) {
			m.step(hour)
			require.True(t, w.Accept())
			require.False(t, w.Accept(), "there is no other")
		}, 0, JumpStats{Jumps: 1, Refused: 1, Confirmed: 1, Last: Jump{Step: hour, Wall: noon + 3600e9, Expected: noon}}},
		{"the machine slept for an hour, and the system says so: no jump", WallOptions{}, func(m *machine, _ *WallClock) { m.sleep(hour) }, 0, JumpStats{}},
		{"it slept while a jump was refused: the time asleep counts, the jump does not", WallOptions{}, func(m *machine, w *WallClock) {
			m.step(hour)
			m.pass(s)
			w.Now()
			m.sleep(2 * hour)
		}, hour, JumpStats{Jumps: 1, Refused: 1, Last: Jump{Step: hour, Wall: noon + 3601e9, Expected: noon + 1e9}, Disputed: hour}},
		{"it slept, but the wall clock stood still: that is a jump", WallOptions{}, func(m *machine, _ *WallClock) { m.move(0, 0, int64(hour)) },
			-hour, JumpStats{Jumps: 1, Refused: 1, Last: Jump{Step: -hour, Wall: noon + 2e9, Expected: noon + 3602e9}, Disputed: -hour}},
		{"nobody asked for a day, and the clocks differ by 100 ppm: no jump", WallOptions{}, func(m *machine, _ *WallClock) { m.move(int64(24*hour)+8_640e6, int64(24*hour), 0) }, 0, JumpStats{}},
	}
	for _, every := range []bool{false, true} {
		for _, c := range cases {
			m := &machine{wall: noon, mono: 77}
			if every {
				c.opts.Anchor = EveryReading
			}
			w := m.clock(t, c.opts)
			c.do(m, w)
			m.pass(2 * s)
			require.Equal(t, m.wall-int64(c.off), w.Now(), "%s (every reading: %v)", c.why, every)
			require.Equal(t, c.stats, w.Stats(), "%s (every reading: %v)", c.why, every)
			m.pass(s)
			require.Equal(t, m.wall-int64(c.off), w.Now(), "and it goes on so: %s", c.why)
		}
	}
}

// TestWallClock_AnchorIsHowLateAStepIsSeen.
func TestWallClock_AnchorIsHowLateAStepIsSeen(t *testing.T) {
	m := &machine{wall: noon}
	w := m.clock(t, WallOptions{})
	m.pass(10 * time.Millisecond)
	m.step(time.Millisecond)
	require.Equal(t, m.wall-1e6, w.Now(), "within the anchor the monotonic clock stands in")
	m.pass(DefaultAnchor)
	require.Equal(t, m.wall, w.Now())

	w = m.clock(t, WallOptions{Anchor: EveryReading})
	m.step(time.Millisecond)
	require.Equal(t, m.wall, w.Now())
}

// TestWallClock_AProcessThatStandsStillInAReading must not see a jump: the second of two
// readings came late.
func TestWallClock_AProcessThatStandsStillInAReading(t *testing.T) {
	for _, every := range []time.Duration{0, EveryReading} {
		m := &machine{wall: noon}
		w := m.clock(t, WallOptions{Anchor: every, Jumps: func(j Jump) bool { t.Errorf("%+v", j); return true }})
		m.pass(time.Second)
		wall, stopped := w.fake.wall, false
		w.fake.wall = func() int64 {
			now := wall()
			if !stopped {
				stopped = true
				m.pass(time.Minute) // after the wall clock was read and before the monotonic one is
			}
			return now
		}
		now := w.Now()
		require.True(t, stopped)
		require.Equal(t, m.wall, now)
		require.Zero(t, w.Stats())
	}
}

// TestWallClock_ThePolicyMayLookAtTheClock while it is asked.
func TestWallClock_ThePolicyMayLookAtTheClock(t *testing.T) {
	m := &machine{wall: noon}
	var w *WallClock
	w = m.clock(t, WallOptions{Jumps: func(j Jump) bool {
		require.Equal(t, j.Expected, w.Now())
		require.Equal(t, j, w.Stats().Last)
		return true
	}})
	m.pass(time.Second)
	m.step(time.Hour)
	require.Equal(t, m.wall, w.Now())
}

// TestWallClock_NeverGoesFurtherThanAllowed: whatever happens to the wall clock, from reading to
// reading the time of day moves as the monotonic clock does, up to MaxJump and the slew since the last look, which may be
// an anchor ago. (If the wall clock is asked at each reading, the last one may have been MaxJump off too.)
func TestWallClock_NeverGoesFurtherThanAllowed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{wall: rapid.Int64().Draw(t, "wall"), mono: rapid.Int64Range(0, 1e18).Draw(t, "mono")}
		anchor := rapid.SampledFrom([]time.Duration{0, time.Nanosecond, EveryReading}).Draw(t, "anchor")
		most := int64(DefaultMaxJump)
		if anchor == EveryReading {
			most *= 2
		}
		w := m.clock(t, WallOptions{Anchor: anchor})
		last, mono := w.Now(), m.mono
		for range rapid.IntRange(1, 30).Draw(t, "readings") {
			m.pass(time.Duration(rapid.Int64Range(0, 1e12).Draw(t, "pass")))
			switch rapid.IntRange(0, 2).Draw(t, "set") {
			case 1:
				m.wall = rapid.Int64().Draw(t, "to")
			case 2:
				m.step(time.Duration(rapid.Int64Range(-2e9, 2e9).Draw(t, "by")))
			}
			now := w.Now()
			elapsed := m.mono - mono
			require.LessOrEqual(t, abs(now-last-elapsed), most+(elapsed+longestAnchor)>>slewShift)
			last, mono = now, m.mono
		}
	})
}

// TestClock_AJumpIsHealedByAMessage: a machine that was paused is an hour behind and refuses
// what it hears, until its own wall clock is set and says the same as the others.
func TestClock_AJumpIsHealedByAMessage(t *testing.T) {
	m := &machine{wall: noon}
	w := m.clock(t, WallOptions{})
	c, err := New(Options{Wall: w})
	require.NoError(t, err)
	c.Now()
	truth := noon + int64(time.Hour) // everybody else went on
	message := Timestamp{WallTime: truth - 30e6}
	var far *TooFarAheadError
	_, err = c.Update(message)
	require.ErrorAs(t, err, &far, "one clock against one: nobody is believed")

	m.step(time.Hour) // NTP sets the wall clock
	require.Less(t, c.Now().WallTime, noon+1e9, "which alone is not believed either")
	_, err = c.Update(Timestamp{WallTime: truth / 2})
	require.NoError(t, err, "a message from the past says nothing")
	ts, err := c.Update(message)
	require.NoError(t, err, "two that agree are")
	require.Equal(t, truth, ts.WallTime)
	require.Equal(t, JumpStats{Jumps: 1, Refused: 1, Confirmed: 1, Last: w.Stats().Last}, c.Stats().Jumps)
	require.Equal(t, uint64(1), c.Stats().Refused.TooFarAhead, "one that was believed at the second look does not count")
}

// TestClock_OneBadClockIsNotHealedByAnother that is wrong in another way.
func TestClock_OneBadClockIsNotHealedByAnother(t *testing.T) {
	for name, remote := range map[string]time.Duration{
		"a peer that is a second ahead, while the wall clock is set eight hours ahead": time.Second,
		"a peer that is a day ahead":                     24 * time.Hour,
		"a peer that is ahead by a little less":          8*time.Hour - DefaultMaxJump - 1,
		"a peer that is ahead by a little more":          8*time.Hour + DefaultMaxJump + 1,
		"a peer with the highest timestamp there can be": 1<<63 - 1 - time.Duration(noon),
	} {
		t.Run(name, func(t *testing.T) {
			m := &machine{wall: noon}
			c, err := New(Options{Wall: m.clock(t, WallOptions{})})
			require.NoError(t, err)
			m.step(8 * time.Hour)
			_, err = c.Update(Timestamp{WallTime: noon + int64(remote)})
			require.ErrorAs(t, err, new(*TooFarAheadError))
			require.Equal(t, 8*time.Hour, c.Stats().Jumps.Disputed)
			require.Equal(t, noon, c.Now().WallTime)
		})
	}
}

func TestNewWallClock_Refuses(t *testing.T) {
	for _, o := range []WallOptions{{Anchor: -2}, {MaxJump: -1}} {
		_, err := NewWallClock(o)
		require.Error(t, err)
	}
	w, err := NewWallClock(WallOptions{})
	require.NoError(t, err)
	_, err = New(Options{Wall: w, Physical: func() int64 { return 1 }})
	require.Error(t, err, "one clock underneath")
}

// TestWallClock_ShowsTheTimeOfDay of this machine, by any number of goroutines.
func TestWallClock_ShowsTheTimeOfDay(t *testing.T) {
	for _, anchor := range []time.Duration{0, time.Nanosecond, EveryReading} {
		w, err := NewWallClock(WallOptions{Anchor: anchor, MaxJump: time.Hour, Jumps: ReportJumps})
		require.NoError(t, err)
		var work sync.WaitGroup
		errs := make(chan error, 4)
		for range 4 {
			work.Go(func() {
				for range 2000 {
					before := time.Now().UnixNano()
					now := w.Now()
					if after := time.Now().UnixNano(); now < before-int64(time.Minute) || now > after+int64(time.Minute) {
						errs <- errors.New("it is not the time of day")
						return
					}
					w.Stats()
				}
				w.Accept()
			})
		}
		work.Wait()
		require.Empty(t, errs)
	}
	require.GreaterOrEqual(t, asleep(), int64(0)-int64(time.Millisecond))
}
