package hlc

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// anyLayout draws a named layout or one of the caller's.
func anyLayout() *rapid.Generator[LayoutOptions] {
	named := []LayoutOptions{
		{Name: "kudu", Ticks: 1, Nanos: 1e3, LogicalBits: 12}, {Name: "tikv", Ticks: 1, Nanos: 1e6, LogicalBits: 18},
		{Name: "ntp48x16", Epoch: -2_208_988_800e9, Ticks: 1 << 16, Nanos: 1e9, LogicalBits: 16}, {Name: "couchbase", Ticks: 1, Nanos: 1 << 16, LogicalBits: 16},
		{Name: "whole seconds", Ticks: 1, Nanos: 1e9, LogicalBits: 32}, {Name: "nothing but time", Ticks: 1, Nanos: 1},
		{Name: "2^-28 s", Ticks: 1 << 28, Nanos: 1e9, LogicalBits: 4}, {Name: "a long tick", Ticks: 3, Nanos: math.MaxInt64, LogicalBits: 1},
	}
	return rapid.OneOf(rapid.SampledFrom(named), rapid.Custom(func(t *rapid.T) LayoutOptions {
		o := LayoutOptions{
			Name: "drawn", Epoch: rapid.OneOf(rapid.Just[int64](0), rapid.Int64()).Draw(t, "epoch"),
			Ticks: rapid.Int64Range(1, math.MaxInt64).Draw(t, "ticks"), LogicalBits: rapid.IntRange(0, 32).Draw(t, "bits"),
		}
		o.Nanos = rapid.Int64Range(o.Ticks, math.MaxInt64).Draw(t, "nanos")
		return o
	}))
}

// naive is the layout in numbers without end: the timestamp of a packed value, and
// whether it is one.
func (o LayoutOptions) naive(packed *big.Int) (wall *big.Int, logical uint32, ok bool) {
	mask := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), uint(o.LogicalBits)), big.NewInt(1))
	tick := new(big.Int).Rsh(packed, uint(o.LogicalBits))
	wall, rest := new(big.Int).QuoRem(tick.Mul(tick, big.NewInt(o.Nanos)), big.NewInt(o.Ticks), new(big.Int))
	if rest.Sign() > 0 {
		wall.Add(wall, big.NewInt(1))
	}
	wall.Add(wall, big.NewInt(o.Epoch))
	return wall, uint32(new(big.Int).And(packed, mask).Uint64()), packed.Sign() >= 0 && packed.IsUint64() && wall.IsInt64()
}

// TestLayout_PackIsTheLowestNotBelow against the definition: what Pack gives unpacks to
// something not below, and one less does not.
func TestLayout_PackIsTheLowestNotBelow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o, ts := anyLayout().Draw(t, "layout"), anyTimestamp().Draw(t, "timestamp")
		l, err := NewLayout(o)
		require.NoError(t, err)
		if o.Epoch <= ts.WallTime && rapid.Bool().Draw(t, "at a tick") {
			if r, err := l.Round(ts); err == nil {
				ts = Timestamp{r.WallTime, ts.Logical}
			}
		}
		below := func(p *big.Int) bool { // is the value p below ts?
			wall, logical, _ := o.naive(p)
			if c := wall.Cmp(big.NewInt(ts.WallTime)); c != 0 {
				return c < 0
			}
			return logical < ts.Logical
		}
		packed, err := l.Pack(ts)
		if err != nil {
			require.ErrorAs(t, err, new(*RangeError))
			require.False(t, l.Fits(ts))
			require.True(t, ts.WallTime < o.Epoch || ts.After(l.Max()))
			return
		}
		p := new(big.Int).SetUint64(packed)
		_, _, ok := o.naive(p)
		require.True(t, ok, "%d is of the layout", packed)
		require.False(t, below(p), "%d is not below %v", packed, ts)
		if packed > 0 {
			require.True(t, below(p.Sub(p, big.NewInt(1))), "%d would do", packed-1)
		}
		require.False(t, ts.After(l.Max()))
	})
}

// TestLayout_UnpackComesBack for each value of the layout, and refuses all others.
func TestLayout_UnpackComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := anyLayout().Draw(t, "layout")
		l, err := NewLayout(o)
		require.NoError(t, err)
		packed := rapid.Uint64().Draw(t, "packed")
		wall, logical, ok := o.naive(new(big.Int).SetUint64(packed))
		ts, err := l.Unpack(packed)
		if !ok {
			require.ErrorAs(t, err, new(*ParseError))
			return
		}
		require.NoError(t, err)
		require.Equal(t, Timestamp{wall.Int64(), logical}, ts)
		again, err := l.Pack(ts)
		require.NoError(t, err)
		require.Equal(t, packed, again)
		require.True(t, l.Fits(ts))
	})
}

// TestLayout_KeepsOrder: never the other way round, and apart for what fits.
func TestLayout_KeepsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, err := NewLayout(anyLayout().Draw(t, "layout"))
		require.NoError(t, err)
		a, b := anyTimestamp().Draw(t, "a"), anyTimestamp().Draw(t, "b")
		if rapid.Bool().Draw(t, "close") {
			b = Timestamp{a.WallTime, rapid.Uint32().Draw(t, "logical")}
		}
		if b.Before(a) {
			a, b = b, a
		}
		p, errA := l.Pack(a)
		q, errB := l.Pack(b)
		if errA == nil && errB == nil {
			require.LessOrEqual(t, p, q)
			require.True(t, p != q || a == b || !l.Fits(a) || !l.Fits(b), "two that fit stay two")
		}
	})
}

// TestLayout_ASequenceForAStore is what a clock does that issues only what fits: a
// million events in one nanosecond stay distinct, in order, and close to the time.
func TestLayout_ASequenceForAStore(t *testing.T) {
	for _, l := range Layouts() {
		ts, err := l.Round(Timestamp{WallTime: 1_790_000_000_123_456_789})
		require.NoError(t, err)
		last, err := l.Pack(ts)
		require.NoError(t, err)
		for range 1_000_000 {
			next, err := ts.Next()
			require.NoError(t, err)
			rounded, err := l.Round(next)
			require.NoError(t, err)
			packed, err := l.Pack(rounded)
			require.NoError(t, err)
			if !l.Fits(rounded) || packed != last+1 {
				t.Fatalf("%v: %d after %d, %v after %v", l, packed, last, rounded, ts)
			}
			ts, last = rounded, packed
		}
	}
}

func TestLayout_Ends(t *testing.T) {
	for l, want := range map[Layout]string{
		Kudu(): "4503599627.370495000,4095", NTP48x16(): "2085978495.999984742,65535",
		TiKV(): "9223372036.854000000,262143", Couchbase(): "9223372036.854710272,65535",
	} {
		require.Equal(t, want, l.Max().String(), l)
		require.True(t, l.Fits(l.Max()))
		next, err := l.Max().Next()
		require.NoError(t, err)
		_, err = l.Pack(next)
		require.ErrorContains(t, err, "has no "+l.String()+" form: it is after the layout's end")
	}
	require.Equal(t, 2041, Timestamp{WallTime: (1 << 51) * 1000}.Time().Year(), "as a signed number Kudu's layout ends earlier")
	_, err := TiKV().Unpack(math.MaxUint64)
	require.EqualError(t, err, `hlc: "18446744073709551615" is no tikv timestamp: byte 0: beyond 64 bits of nanoseconds`)
}

func TestLayout_Validation(t *testing.T) {
	for want, o := range map[string]LayoutOptions{
		"a layout needs a name":                   {Ticks: 1, Nanos: 1},
		"a tick of 0/0 ns is not at least 1 ns":   {Name: "x"},
		"a tick of 1/2 ns is not at least 1 ns":   {Name: "x", Ticks: 2, Nanos: 1},
		"a tick of -1/-1 ns is not at least 1 ns": {Name: "x", Ticks: -1, Nanos: -1},
		"33 logical bits are not 0 to 32":         {Name: "x", Ticks: 1, Nanos: 1, LogicalBits: 33},
		"-1 logical bits are not 0 to 32":         {Name: "x", Ticks: 1, Nanos: 1, LogicalBits: -1},
	} {
		_, err := NewLayout(o)
		require.ErrorContains(t, err, want)
	}
	for _, l := range Layouts() {
		rebuilt, err := NewLayout(LayoutOptions{Name: l.name, Epoch: l.epoch, Ticks: int64(l.ticks), Nanos: int64(l.nanos), LogicalBits: int(l.logicalBits)})
		require.NoError(t, err)
		require.Equal(t, l, rebuilt, "those that are named would pass")
	}
	var unset Layout
	_, err := unset.Pack(Timestamp{1, 1})
	require.ErrorContains(t, err, "the layout is unset")
	_, err = unset.Unpack(1)
	require.ErrorContains(t, err, "the layout is unset")
	require.False(t, unset.Fits(Timestamp{}))
	require.Zero(t, unset.Max())
}
