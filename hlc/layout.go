package hlc

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// Layout is a way to put a timestamp into 64 bits: ticks since an epoch in the high
// bits, the logical part in the low ones. The order of packed values is that of the
// timestamps. It is a value, comparable with ==; make one with [NewLayout], or take one that
// others use: [Kudu], [TiKV], [NTP48x16], [Couchbase]. The zero Layout packs nothing.
type Layout struct {
	name         string
	epoch        int64  // unix ns of tick 0
	ticks, nanos uint64 // ticks ticks last nanos ns
	logicalBits  uint
	last         uint64 // the highest tick that fits into its bits and into a Timestamp
}

// LayoutOptions describes a [Layout].
type LayoutOptions struct {
	Name        string // stands in errors
	Epoch       int64  // unix ns of tick 0; 0 is 1970
	Ticks       int64  // this many ticks …
	Nanos       int64  // … last this many nanoseconds: 1 and 1000 for microseconds
	LogicalBits int    // low bits of the logical part, 0 to 32; the ticks have the others
}

// NewLayout returns a layout. It returns an error if a tick would be shorter than a
// nanosecond, since then two packed values would be one timestamp, or if the logical part has not 0 to 32 bits.
func NewLayout(o LayoutOptions) (Layout, error) {
	switch {
	case o.Name == "":
		return Layout{}, errors.New("hlc: a layout needs a name")
	case o.Ticks < 1 || o.Nanos < o.Ticks:
		return Layout{}, fmt.Errorf("hlc: layout %s: a tick of %d/%d ns is not at least 1 ns", o.Name, o.Nanos, o.Ticks)
	case o.LogicalBits < 0 || o.LogicalBits > 32:
		return Layout{}, fmt.Errorf("hlc: layout %s: %d logical bits are not 0 to 32", o.Name, o.LogicalBits)
	}
	return newLayout(o), nil
}

func newLayout(o LayoutOptions) Layout {
	l := Layout{name: o.Name, epoch: o.Epoch, ticks: uint64(o.Ticks), nanos: uint64(o.Nanos), logicalBits: uint(o.LogicalBits)}
	hi, lo := bits.Mul64(math.MaxInt64-uint64(o.Epoch), l.ticks) // from the epoch to 2262
	end, _ := bits.Div64(hi, lo, l.nanos)
	l.last = min(end, math.MaxUint64>>l.logicalBits)
	return l
}

var (
	kudu      = newLayout(LayoutOptions{Name: "kudu", Ticks: 1, Nanos: 1e3, LogicalBits: 12})
	tikv      = newLayout(LayoutOptions{Name: "tikv", Ticks: 1, Nanos: 1e6, LogicalBits: 18})
	ntp48x16  = newLayout(LayoutOptions{Name: "ntp48x16", Epoch: -2_208_988_800e9, Ticks: 1 << 16, Nanos: 1e9, LogicalBits: 16})
	couchbase = newLayout(LayoutOptions{Name: "couchbase", Ticks: 1, Nanos: 1 << 16, LogicalBits: 16})
)

// Kudu is microseconds << 12 | logical, of Apache Kudu and YugabyteDB. It ends in 2112,
// and as a signed number in 2041.
func Kudu() Layout { return kudu }

// TiKV is milliseconds << 18 | logical, of the placement driver of TiKV.
func TiKV() Layout { return tikv }

// NTP48x16 is a 64-bit NTP timestamp, 2^-32 s since 1900, whose low 16 bits are the logical
// part, as the paper on hybrid clocks proposes.
//
// HAZARD: it ends on 7 February 2036, and 0 is 1900, not unset.
func NTP48x16() Layout { return ntp48x16 }

// Couchbase is nanoseconds whose low 16 bits are the logical part, as Couchbase's CAS
// values are. It holds, with ticks of 65 536 ns, all from 1970 to 2262.
func Couchbase() Layout { return couchbase }

// Layouts returns the layouts that have a function.
func Layouts() []Layout { return []Layout{kudu, tikv, ntp48x16, couchbase} }

// String is the name, or "unset".
func (l Layout) String() string {
	if l.name == "" {
		return "unset"
	}
	return l.name
}

// Max is the highest timestamp that packs, MaxLogical its logical part.
func (l Layout) Max() Timestamp {
	return Timestamp{WallTime: l.wallOf(l.last), Logical: l.MaxLogical()}
}

// MaxLogical is the highest logical part that packs without a loss.
func (l Layout) MaxLogical() uint32 { return uint32(1<<l.logicalBits - 1) }
