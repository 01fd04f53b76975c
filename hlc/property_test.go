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

// tick is the number of the last tick that has begun at ns.
func (n *naive) tick(ns int64) *big.Int {
	since := new(big.Int).Sub(big.NewInt(ns), big.NewInt(n.layout.Epoch))
	return since.Mul(since, big.NewInt(n.layout.Ticks)).Div(since, big.NewInt(n.layout.Nanos))
}

// begins is the first nanosecond at or after the beginning of a tick, and whether the layout has it.
func (n *naive) begins(tick *big.Int) (int64, bool) {
	product := new(big.Int).Mul(tick, big.NewInt(n.layout.Nanos))
	quotient, rest := product.DivMod(product, big.NewInt(n.layout.Ticks), new(big.Int))
	if rest.Sign() > 0 {
		quotient.Add(quotient, big.NewInt(1))
	}
	quotient.Add(quotient, big.NewInt(n.layout.Epoch))
	return quotient.Int64(), quotient.IsInt64() && tick.BitLen() <= 64-n.layout.LogicalBits
}

// floor is the beginning of the last tick at or before ns, and whether the layout has it.
func (n *naive) floor(ns int64) (int64, bool) {
	if n.layout == nil {
		return ns, true
	}
	return n.begins(n.tick(ns))
}

// above is the lowest timestamp above t that may be issued, and whether there is one.
func (n *naive) above(t Timestamp) (Timestamp, bool) {
	begin, inside := n.floor(t.WallTime)
	if inside && begin == t.WallTime && t.Logical < n.maxLogical {
		return Timestamp{t.WallTime, t.Logical + 1}, true
	}
	if n.layout == nil {
		return Timestamp{t.WallTime + 1, 0}, t.WallTime < math.MaxInt64
	}
	tick := n.tick(t.WallTime)
	wall, ok := n.begins(tick.Add(tick, big.NewInt(1)))
	return Timestamp{wall, 0}, ok
}

// round is the lowest timestamp not below t that may be issued, and whether there is one.
func (n *naive) round(t Timestamp) (Timestamp, bool) {
	if t.WallTime < n.begin {
		return Timestamp{WallTime: n.begin}, true
	}
	if begin, inside := n.floor(t.WallTime); inside && begin == t.WallTime && t.Logical <= n.maxLogical {
		return t, true
	}
	return n.above(t)
}

// event is the next timestamp at physical time pt after the receipt of remote, or the zero one.
func (n *naive) event(pt int64, remote Timestamp) Timestamp {
	known := n.last
	if remote.After(known) {
		known = remote
	}
	var ts Timestamp
	ts.WallTime, _ = n.floor(min(max(pt, n.begin), n.end))
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
	limited bool  // there is a Latest, and it returns …
	latest  int64 // … this
	noBound bool  // … or an error
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
		{Name: "soon over", Epoch: math.MaxInt64 - 3_000, Ticks: 1, Nanos: 1_000, LogicalBits: 1},
	}
	o := Options{Physical: func() int64 { return s.pt }}
	s.oracle = naive{end: lastWall, maxLogical: DefaultMaxLogical}
	if l := rapid.SampledFrom(layouts).Draw(t, "layout"); l != nil {
		layout, err := NewLayout(*l)
		require.NoError(t, err)
		o.Layout, s.oracle.layout = layout, l
		s.oracle.maxLogical = min(DefaultMaxLogical, uint32(1<<l.LogicalBits-1))
		if s.oracle.maxLogical > 1 && rapid.Bool().Draw(t, "less than the layout's") {
			o.MaxLogical, s.oracle.maxLogical = 2, 2
		}
		if s.oracle.begin, _ = s.oracle.floor(max(0, l.Epoch)); s.oracle.begin < 0 {
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
	if s.limited = rapid.IntRange(0, 3).Draw(t, "with Latest") == 0; s.limited {
		o.Latest = func() (int64, error) {
			if s.noBound {
				return 0, errNoBound
			}
			return s.latest, nil
		}
	}
	var err error
	s.clock, err = New(o)
	require.NoError(t, err)
	if o.Layout == (Layout{}) && rapid.IntRange(0, 3).Draw(t, "without room before the end") == 0 {
		s.clock.end, s.oracle.end = math.MaxInt64, math.MaxInt64 // so that the last timestamp of all is reached
	}
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

// move moves the physical clock and the latest that the time may be.
func (s *setting) move(t *rapid.T) {
	if rapid.Bool().Draw(t, "far") {
		s.pt = rapid.SampledFrom(s.extreme).Draw(t, "pt")
	} else if by := rapid.Int64Range(-3_000, 3_000).Draw(t, "pass"); (s.pt+by > s.pt) == (by > 0) {
		s.pt += by
	}
	if s.limited {
		s.latest = rapid.SampledFrom(append([]int64{durable.Plus(max(s.pt, 0), 1_000)}, s.extreme...)).Draw(t, "latest")
		s.noBound = rapid.IntRange(0, 4).Draw(t, "no bound") == 0
	}
}

// refusal is what the documentation says about a remote timestamp: an error to look for with errors.As or Is, or nil.
func (s *setting) refusal(remote Timestamp) any {
	pt := min(max(s.pt, s.oracle.begin), s.oracle.end)
	latest := pt
	if s.limited && remote.WallTime > pt {
		if s.noBound {
			return new(*NoLatestError)
		}
		latest = max(pt, min(s.latest, s.oracle.end))
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
func TestClock_AnyOperationsAnyClockAnyExtremes(t *testing.T) { rapid.Check(t, anyOperations) }

// FuzzClock is the same, led by what code a run reaches.
func FuzzClock(f *testing.F) { f.Fuzz(rapid.MakeFuzz(anyOperations)) }

func anyOperations(t *rapid.T) {
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
		s.move(t)
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
			want, ok := s.oracle.round(remote)
			got, err := s.clock.Round(remote)
			if !ok {
				require.ErrorIs(t, err, ErrExhausted)
				break
			}
			require.NoError(t, err)
			require.Equal(t, want, got)
			issued(got)
		}
		require.Equal(t, s.oracle.last, s.clock.Peek())
	}
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
