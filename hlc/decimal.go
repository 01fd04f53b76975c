package hlc

import "math"

// AppendDecimal appends the decimal form, nanoseconds with the logical part as ten
// digits behind the point: "1790000000123456789.0000000007". As a number it sorts as
// time does, so it is for numeric columns and for CockroachDB's AS OF SYSTEM TIME
// (which knows logical parts up to 2^31 − 1). It returns a [*RangeError] before 1970.
//
// HAZARD: it has up to 29 digits. Whoever makes it a float, as many JSON readers do,
// is left with 16 of them.
func (t Timestamp) AppendDecimal(b []byte) ([]byte, error) {
	if t.WallTime < 0 {
		return b, &RangeError{Timestamp: t, Form: "decimal", Problem: before1970}
	}
	var room [31]byte
	tenDigits(room[:10], uint64(t.WallTime)/1e10)
	tenDigits(room[10:20], uint64(t.WallTime)%1e10)
	room[20] = '.'
	tenDigits(room[21:], uint64(t.Logical))
	return append(b, room[leadingZeros(room[:19]):]...), nil
}

// ParseDecimal reads the decimal form. ".0000000000" may be left out; whatever else
// it accepts, AppendDecimal gives back. It returns a [*ParseError].
func ParseDecimal(text string) (Timestamp, error) {
	t, f := parseDecimal(text)
	if f.found() {
		return Timestamp{}, fail("decimal", text, f)
	}
	return t, nil
}

func parseDecimal[T chars](s T) (Timestamp, flaw) {
	wall, at, f := number(s, 0, math.MaxInt64)
	if f.found() || at == len(s) {
		return Timestamp{WallTime: int64(wall)}, f
	}
	if f := literal(s, at, '.', "a point or the end is expected"); f.found() {
		return Timestamp{}, f
	}
	logical, f := fixed(s, at+1, 10)
	switch {
	case f.found():
		return Timestamp{}, f
	case logical > math.MaxUint32:
		return Timestamp{}, flaw{at + 1, "the logical part is too large"}
	case at+11 < len(s):
		return Timestamp{}, flaw{at + 11, "the end is expected"}
	}
	return Timestamp{WallTime: int64(wall), Logical: uint32(logical)}, flaw{}
}
