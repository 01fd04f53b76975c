package ntpprobe

import (
	"time"

	"github.com/trueclock/trueclock/truetime"
)

// The kernel stamps a datagram when it arrives, long before a busy program gets
// to look at its clock. But it stamps with the wall clock, which anybody may step
// and slew, and T4 must never be early. So here is a bound for the local clock's
// reading at the moment of a stamp. docs/adr/0006 has the choice and the alternatives.
//
// We look at the wall clock just before T1 (moment r) and after the receive
// (moment r'), each time between two looks at CLOCK_MONOTONIC. The stamp is of a
// moment s between them. Two facts about Linux carry the translation:
//
//	step  The kernel computes both clocks from one counter and one rate: wall −
//	      monotonic is constant, however hard the clock is slewed, unless
//	      somebody steps the wall clock. The looks know the difference to their
//	      width, some 100 ns. So a step between r and r' is seen and voids the stamp,
//	      or is too small to be seen, and then not more than stepMost
//	      forward or −stepLeast back.
//	slew  Without steps, while the local clock moves by d the wall clock
//	      moves by 3/4·d to 5/4·d (see leastLocal).
//
// Hence two upper bounds for the local clock L at s, of which the earlier counts:
//
//	L(s) ≤ L(r') − 4/5·(W(r') − W(s) − stepMost)      back from the receive
//	L(s) ≤ L(r)  + 4/3·(W(s) − W(r) − stepLeast)      on from the request
//
// The change of wall − local between r and r' bounds nothing by itself: a slew back
// before s and an equal one forward after it leave no trace in it, and neither does a step that
// a slew hides. It serves as an alarm only (maxApart).
//
// HAZARD: steps within one exchange that undo each other to within the looks'
// width are not seen.

// The rates of the wall clock against an unslewed one lie between 1 ∓ 0.226 by what the
// kernel lets a daemon ask for (kernel/time/ntp.c): tick ±10 %, frequency ±500 ppm,
// adjtime ±500 ppm, and the PLL a quarter of at most 0.5 s in a second. We allow 1/4.
//
// HAZARD: a kernel with CONFIG_NTP_PPS removes the offset to a pulse-per-second
// signal within one second, which exceeds this while the offset is above 0.14 s.
//
// Both return how far the local clock moves while the wall clock is slewed by wall ≥ 0 nanoseconds.
func leastLocal(wall int64) int64 { return wall / 5 * 4 }
func mostLocal(wall int64) int64  { return wall + wall/3 + 1 }

// maxApart is how far the wall clock may move against the local clock during an
// exchange before its stamps are left alone: no clock that keeps time does that. It
// is caution; soundness does not rest on it.
const maxApart = 50 * time.Microsecond

// wallLook is a look at the wall clock between two looks at the monotonic
// clock; all in nanoseconds, each since a zero point of its own.
type wallLook struct{ before, wall, after int64 }

// looksFrom returns the real look, with monotonic readings since now.
func looksFrom(anchor time.Time) func() wallLook {
	return func() wallLook {
		before := time.Since(anchor)
		wall := time.Now().UnixNano()
		return wallLook{int64(before), wall, int64(time.Since(anchor))}
	}
}

// ahead returns the range of wall − monotonic; each was cut to nanoseconds.
func (l wallLook) ahead() (least, most int64) { return l.wall - l.after - 1, l.wall - l.before + 1 }

// stepBetween returns the range of how far the wall clock was stepped, forward positive.
func stepBetween(first, then wallLook) (least, most int64) {
	firstLeast, firstMost := first.ahead()
	thenLeast, thenMost := then.ahead()
	return thenLeast - firstMost, thenMost - firstLeast
}

// arrival returns a local reading that is not before the moment at which the kernel
// took stamp, in unix nanoseconds, and before t4. sent was taken just before t1, received
// after the datagram was read and just before t4.
//
// It returns false if there is none or the stamp cannot be believed: it is not
// of the exchange, the wall clock was stepped or strays, the epochs differ.
func arrival(t1 truetime.Reading, sent wallLook, stamp int64, received wallLook, t4 truetime.Reading) (truetime.Reading, bool) {
	elapsed := t4.Nanos - t1.Nanos
	stepLeast, stepMost := stepBetween(sent, received)
	switch {
	case t1.Epoch != t4.Epoch || elapsed < 0:
		return truetime.Reading{}, false
	case stamp < sent.wall || stamp > received.wall:
		return truetime.Reading{}, false
	case stepLeast > 0 || stepMost < 0:
		return truetime.Reading{}, false
	case time.Duration(received.wall-sent.wall-elapsed).Abs() > maxApart:
		return truetime.Reading{}, false
	}
	back := t4.Nanos - leastLocal(received.wall-stamp) + stepMost + 2 // t4, stamp and wall were cut to nanoseconds
	on := t1.Nanos + mostLocal(stamp+1-sent.wall-stepLeast) + 1       // and so was t1
	t := t4
	t.Nanos = min(back, on)
	return t, t1.Nanos < t.Nanos && t.Nanos < t4.Nanos
}
