package hlc

import (
	"log/slog"
	"math"
	"strconv"
)

// String is the text form: seconds, nanoseconds and the logical part, such as
// "1790000000.123456789,7". Every timestamp has one; CockroachDB writes the same.
//
// HAZARD: its width varies, so strings do not sort as times do; for that use
// AppendSortable.
func (t Timestamp) String() string {
	var room [32]byte // as long as the longest
	return string(t.appendText(room[:0]))
}

// AppendText appends the text form to b; see String. It never fails. It makes a
// Timestamp an [encoding.TextAppender].
func (t Timestamp) AppendText(b []byte) ([]byte, error) { return t.appendText(b), nil }

func (t Timestamp) appendText(b []byte) []byte {
	wall := uint64(t.WallTime)
	if t.WallTime < 0 {
		b, wall = append(b, '-'), -wall
	}
	var room [21]byte
	tenDigits(room[:10], wall/1e9)
	tenDigits(room[10:20], wall%1e9) // the first is 0, and the place of the point
	room[10], room[20] = '.', ','
	b = append(b, room[leadingZeros(room[:9]):]...)
	return strconv.AppendUint(b, uint64(t.Logical), 10)
}

// MarshalText returns the text form, which is also how a Timestamp stands in JSON:
// as a string, since numbers lose what is beyond 2^53.
func (t Timestamp) MarshalText() ([]byte, error) { return t.appendText(nil), nil }

// UnmarshalText parses as [Parse] does, and leaves t alone on an error.
func (t *Timestamp) UnmarshalText(text []byte) error {
	parsed, f := parseText(text)
	if f.found() {
		return fail("text", text, f)
	}
	*t = parsed
	return nil
}

// LogValue is the text form, made only when the record is written.
func (t Timestamp) LogValue() slog.Value { return slog.StringValue(t.String()) }

// Parse reads the text form. ",0" may be left out; whatever else it accepts, String
// gives back byte for byte. It returns a [*ParseError].
func Parse(text string) (Timestamp, error) {
	t, f := parseText(text)
	if f.found() {
		return Timestamp{}, fail("text", text, f)
	}
	return t, nil
}

func parseText[T chars](s T) (Timestamp, flaw) {
	begin := 0
	if len(s) > 0 && s[0] == '-' {
		begin = 1
	}
	seconds, at, f := number(s, begin, math.MaxInt64/1_000_000_000)
	if f.found() {
		return Timestamp{}, f
	}
	if f := literal(s, at, '.', "a point and nine digits of nanoseconds are expected"); f.found() {
		return Timestamp{}, f
	}
	nanos, f := fixed(s, at+1, 9)
	if f.found() {
		return Timestamp{}, f
	}
	wall := seconds*1e9 + nanos // fits into 64 bits
	switch {
	case begin == 1 && wall == 0:
		return Timestamp{}, flaw{0, "zero has no sign"}
	case wall > math.MaxInt64+uint64(begin):
		return Timestamp{}, flaw{at + 1, "beyond 64 bits of nanoseconds"}
	case begin == 1:
		wall = -wall
	}
	logical, f := parseLogical(s, at+10)
	return Timestamp{WallTime: int64(wall), Logical: logical}, f
}

// parseLogical reads ",7", or nothing, to the end.
func parseLogical[T chars](s T, at int) (uint32, flaw) {
	if at == len(s) {
		return 0, flaw{}
	}
	if f := literal(s, at, ',', "a comma or the end is expected"); f.found() {
		return 0, f
	}
	logical, at, f := number(s, at+1, math.MaxUint32)
	if !f.found() && at < len(s) {
		f = flaw{at, "the end is expected"}
	}
	return uint32(logical), f
}
