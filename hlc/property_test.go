package hlc

import (
	"errors"
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/trueclock/trueclock/internal/durable"
)

// naive is the clock as the rules in the documentation read, one after the other, with integers that cannot
// overflow: the oracle.
type naive struct {
	last       Timestamp
	maxLogical uint32
	layout     *LayoutOptions
	begin, end int64
}

// floor is the beginning of the last tick at or before ns.
func (n *naive) floor(ns int64) int64 {
	if n.layout == nil {
		return ns
	}
	x := new(big.Int).Sub(big.NewInt(ns), big.NewInt(n.layout.Epoch))
	tick := x.Mul(x, big.NewInt(n.layout.Ticks)).Div(x, big.NewInt(n.layout.Nanos))
	return n.begins(tick)
}

// begins is the first nanosecond at or after the beginning of a tick.
func (n *naive) begins(tick *big.Int) int64 {
	product := new(big.Int).Mul(tick, big.NewInt(n.layout.Nanos))
	quotient, rest := product.DivMod(product, big.NewInt(n.layout.Ticks), new(big.Int))
	if rest.Sign() > 0 {
		quotient.Add(quotient, big.NewInt(1))
	}
	quotient.Add(quotient, big.NewInt(n.layout.Epoch))
	if !quotient.IsInt64() {
		return math.MaxInt64
	}
	return quotient.Int64()
}

// above is the lowest timestamp above t that may be issued, and whether there is one.
func (n *naive) above(t Timestamp) (Timestamp, bool) {
	if n.floor(t.WallTime) == t.WallTime && t.Logical < n.maxLogical {
		return Timestamp{t.WallTime, t.Logical + 1}, true
	}
	if n.layout == nil {
		return Timestamp{t.WallTime + 1, 0}, t.WallTime < math.MaxInt64
	}
	x := new(big.Int).Sub(big.NewInt(t.WallTime), big.NewInt(n.layout.Epoch))
	tick := x.Mul(x, big.NewInt(n.layout.Ticks)).Div(x, big.NewInt(n.layout.Nanos))
	tick.Add(tick, big.NewInt(1))
	if tick.BitLen() > 64-n.layout.LogicalBits {
		return Timestamp{}, false
	}
	wall := n.begins(tick)
	return Timestamp{wall, 0}, wall < math.MaxInt64
}

// event is the next timestamp at physical time pt after the receipt of remote, or the zero one.
func (n *naive) event(pt int64, remote Timestamp) Timestamp {
	known := n.last
	if remote.After(known) {
		known = remote
	}
	ts := Timestamp{WallTime: n.floor(min(max(pt, n.begin), n.end))}
	if ts.WallTime <= known.WallTime {
		var ok bool
		if ts, ok = n.above(known); !ok {
			return Timestamp{}
		}
	}
	n.last = ts
	return ts
}

var errNoBound = errors.New("no bound")

// setting is a clock and what its options are, drawn.
type setting struct {
	clock   *Clock
	oracle  naive
	pt      int64
	lead    time.Duration
	latest  func() (int64, error) // nil: physical time
	extreme []int64
}

func draw(t *rapid.T) *setting {
	s := &setting{}
	layouts := []*LayoutOptions{
		nil, nil,
		{Name: "kudu", Ticks: 1, Nanos: 1e3, LogicalBits: 12},
		{Name: "ntp48x16", Epoch: -2_208_988_800e9, Ticks: 1 << 16, Nanos: 1e9, LogicalBits: 16},
		{Name: "thirds", Epoch: -7, Ticks: 3, Nanos: 1_000, LogicalBits: 2},
		{Name: "coarse", Epoch: 5_000, Ticks: 1, Nanos: 1 << 58, LogicalBits: 1},
		{Name: "no logical part", Ticks: 1, Nanos: 1, LogicalBits: 0},
	}
	o := Options{Physical: func() int64 { return s.pt }}
	s.oracle = naive{end: lastWall, maxLogical: DefaultMaxLogical}
	if l := rapid.SampledFrom(layouts).Draw(t, "layout"); l != nil {
		layout, err := NewLayout(*l)
		require.NoError(t, err)
		o.Layout, s.oracle.layout = layout, l
		s.oracle.maxLogical = min(DefaultMaxLogical, uint32(1<<l.LogicalBits-1))
		s.oracle.begin = s.oracle.floor(max(0, l.Epoch))
		if s.oracle.begin < 0 {
			first, ok := s.oracle.above(Timestamp{WallTime: -1, Logical: math.MaxUint32})
			require.True(t, ok)
			s.oracle.begin = first.WallTime
		}
		s.oracle.end = max(s.oracle.begin, min(lastWall, layout.Max().WallTime-1e9))
	} else if m := rapid.SampledFrom([]uint32{0, 1, 3, math.MaxUint32}).Draw(t, "MaxLogical"); m > 0 {
		o.MaxLogical, s.oracle.maxLogical = m, m
	}
	o.MaxLead = rapid.SampledFrom([]time.Duration{0, 1, 1_000, Unlimited}).Draw(t, "MaxLead")
	if s.lead = o.MaxLead; s.lead == 0 {
		s.lead = DefaultMaxLead
	}
	if rapid.IntRange(0, 3).Draw(t, "with Latest") == 0 {
		s.latest = func() (int64, error) {
			if s.pt%5 == 3 {
				return 0, errNoBound
			}
			return s.pt/2 + noon/2, nil
		}
		o.Latest = s.latest
	}
	var err error
	s.clock, err = New(o)
	require.NoError(t, err)
	s.extreme = []int64{math.MinInt64, -1, 0, 1, 999, 1_000, noon, s.oracle.end - 1, s.oracle.end, s.oracle.end + 1, math.MaxInt64}
	return s
}

// remote draws a timestamp that somebody could send, near everything that is special.
func (s *setting) remote(t *rapid.T) Timestamp {
	near := append([]int64{s.pt, s.oracle.last.WallTime, durable.Plus(min(max(s.pt, 0), lastWall), int64(s.lead))}, s.extreme...)
	wall := rapid.SampledFrom(near).Draw(t, "wall")
	if by := rapid.Int64Range(-2, 2).Draw(t, "by"); (wall+by > wall) == (by > 0) { // it does not wrap
		wall += by
	}
	m := s.oracle.maxLogical
	return Timestamp{wall, rapid.SampledFrom([]uint32{0, 1, m - 1, m, m + 1, math.MaxUint32, s.oracle.last.Logical}).Draw(t, "logical")}
}

// refusal is what the documentation says about a remote timestamp: an error to look for with errors.As or Is, or nil.
func (s *setting) refusal(remote Timestamp) any {
	pt := min(max(s.pt, s.oracle.begin), s.oracle.end)
	latest := pt
	if s.latest != nil && remote.WallTime > pt {
		l, err := s.latest()
		if err != nil {
			return new(*NoLatestError)
		}
		latest = max(pt, min(l, s.oracle.end))
	}
	lead := new(big.Int).Sub(big.NewInt(remote.WallTime), big.NewInt(latest))
	switch {
	case remote.IsZero():
		return ErrUnset
	case remote.WallTime < pt:
		return nil
	case lead.Cmp(big.NewInt(int64(s.lead))) > 0:
		return new(*TooFarAheadError)
	case remote.Logical > s.oracle.maxLogical:
		return new(*LogicalTooHighError)
	case remote.WallTime > s.oracle.end:
		return ErrExhausted
	}
	return nil
}

func requireRefusal(t *rapid.T, want any, err error) {
	if is, ok := want.(error); ok {
		require.ErrorIs(t, err, is)
		return
	}
	require.ErrorAs(t, err, want)
}

// TestClock_AnyOperationsAnyClockAnyExtremes: every event is above the one before and above what was received, by exactly what the
// oracle says; or there is an error, and no trace of it.
func TestClock_AnyOperationsAnyClockAnyExtremes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := draw(t)
		issued := func(got Timestamp) {
			require.LessOrEqual(t, got.Logical, s.oracle.maxLogical)
			if !got.IsZero() && s.clock.packed {
				require.True(t, s.clock.layout.Fits(got), got)
			}
		}
		receive := func(remote Timestamp, got Timestamp, err error, refused any) {
			before := s.oracle.last
			if refused == nil {
				if want := s.oracle.event(s.pt, remote); !want.IsZero() {
					require.NoError(t, err)
					require.Equal(t, want, got)
					require.True(t, got.After(remote) && got.After(before))
					issued(got)
					return
				}
				refused = ErrExhausted
			}
			require.Zero(t, got)
			requireRefusal(t, refused, err)
		}
		for range rapid.IntRange(1, 40).Draw(t, "operations") {
			if rapid.Bool().Draw(t, "far") {
				s.pt = rapid.SampledFrom(s.extreme).Draw(t, "pt")
			} else if by := rapid.Int64Range(-3_000, 3_000).Draw(t, "pass"); (s.pt+by > s.pt) == (by > 0) {
				s.pt += by
			}
			remote := s.remote(t)
			switch rapid.SampledFrom([]string{"Now", "Now", "NowN", "Update", "Update", "UpdateFrom", "Observe", "ForceUpdate", "Round"}).Draw(t, "operation") {
			case "Now":
				got := s.clock.Now()
				require.Equal(t, s.oracle.event(s.pt, Timestamp{}), got)
				issued(got)
			case "NowN":
				s.batch(t)
			case "Update":
				refused := s.refusal(remote)
				got, err := s.clock.Update(remote)
				receive(remote, got, err, refused)
			case "UpdateFrom":
				refused := s.refusal(remote)
				got, err := s.clock.UpdateFrom("peer", remote)
				receive(remote, got, err, refused)
			case "ForceUpdate":
				var refused any
				if remote.IsZero() {
					refused = ErrUnset
				} else if remote.WallTime > s.oracle.end {
					refused = ErrExhausted
				}
				got, err := s.clock.ForceUpdate(remote)
				receive(remote, got, err, refused)
			case "Observe":
				s.observe(t, remote)
			case "Round":
				if got, err := s.clock.Round(remote); err == nil {
					require.False(t, got.Before(remote))
					issued(got)
				} else {
					require.ErrorIs(t, err, ErrExhausted)
				}
			}
			require.Equal(t, s.oracle.last, s.clock.Peek())
		}
	})
}

// batch draws a size and holds each timestamp against the oracle.
func (s *setting) batch(t *rapid.T) {
	n := rapid.IntRange(1, 5).Draw(t, "n")
	if uint64(n) > uint64(s.oracle.maxLogical)+1 {
		_, err := s.clock.NowN(n)
		require.ErrorAs(t, err, new(*BatchError))
		return
	}
	want := s.oracle
	first := want.event(s.pt, Timestamp{})
	if uint64(first.Logical)+uint64(n-1) > uint64(s.oracle.maxLogical) { // it does not fit behind
		want.last = Timestamp{first.WallTime, s.oracle.maxLogical}
		first = want.event(first.WallTime, Timestamp{})
	}
	got, err := s.clock.NowN(n)
	if first.IsZero() {
		require.ErrorIs(t, err, ErrExhausted)
		return
	}
	require.NoError(t, err)
	require.Equal(t, Batch{First: first, Len: n}, got)
	require.True(t, got.First.After(s.oracle.last))
	s.oracle.last = got.Last()
}

func (s *setting) observe(t *rapid.T, remote Timestamp) {
	refused := s.refusal(remote)
	if remote.WallTime < s.oracle.last.WallTime && !remote.IsZero() {
		refused = nil // it changes nothing
	}
	err := s.clock.Observe(remote)
	if refused != nil {
		requireRefusal(t, refused, err)
		return
	}
	require.NoError(t, err)
	if remote.After(s.oracle.last) {
		s.oracle.last = remote
	}
}
