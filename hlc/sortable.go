package hlc

import (
	"math"
	"time"
)

// sortableLen is the length of every sortable form.
const sortableLen = len("20260921T141320.123456789Z-0000000007")

// AppendSortable appends the sortable form, 37 characters for every timestamp:
// "20260921T141320.123456789Z-0000000007". Its order as text is the order of
// timestamps, and it is safe in the names of files on every system, in URLs and in
// object keys. It returns a [*RangeError] before 1970.
func (t Timestamp) AppendSortable(b []byte) ([]byte, error) {
	if t.WallTime < 0 {
		return b, &RangeError{Timestamp: t, Form: "sortable", Problem: before1970}
	}
	at := t.Time()
	year, month, day := at.Date()
	hour, minute, second := at.Clock()
	var room [sortableLen]byte
	for i, v := range [...]int{year / 100, year % 100, int(month), day} {
		twoDigits(room[2*i:], uint32(v))
	}
	for i, v := range [...]int{hour, minute, second} {
		twoDigits(room[9+2*i:], uint32(v))
	}
	tenDigits(room[15:], uint64(at.Nanosecond())) // the first is 0, and the place of the point
	tenDigits(room[27:], uint64(t.Logical))
	room[8], room[15], room[25], room[26] = 'T', '.', 'Z', '-'
	return append(b, room[:]...), nil
}

// ParseSortable reads the sortable form; what it accepts, AppendSortable gives back.
// It returns a [*ParseError].
func ParseSortable(text string) (Timestamp, error) {
	t, f := parseSortable(text)
	if f.found() {
		return Timestamp{}, fail("sortable", text, f)
	}
	return t, nil
}

// parseSortable reads the numbers where they stand, and accepts them if they give the
// same text again: that refuses 30 February, hour 24 and the year 2263 alike.
func parseSortable[T chars](s T) (Timestamp, flaw) {
	var part [7]int // year, month, day, hour, minute, second, nanosecond
	at := 0
	for i, width := range []int{4, 2, 2, 2, 2, 2, 9} {
		v, f := fixed(s, at, width)
		if f.found() {
			return Timestamp{}, f
		}
		part[i], at = int(v), at+width
		if i == 2 || i == 5 {
			at++ // T and the point: compared below
		}
	}
	logical, f := fixed(s, at+2, 10)
	switch {
	case f.found():
		return Timestamp{}, f
	case logical > math.MaxUint32:
		return Timestamp{}, flaw{at + 2, "the logical part is too large"}
	case len(s) > sortableLen:
		return Timestamp{}, flaw{sortableLen, "the end is expected"}
	}
	moment := time.Date(part[0], time.Month(part[1]), part[2], part[3], part[4], part[5], part[6], time.UTC)
	t := Timestamp{WallTime: moment.UnixNano(), Logical: uint32(logical)} // may have wrapped
	var room [sortableLen]byte
	again, err := t.AppendSortable(room[:0])
	if err != nil {
		return Timestamp{}, flaw{0, "not between 1970 and 2262"}
	}
	for i := range again {
		if again[i] != s[i] {
			return Timestamp{}, flaw{i, "no such day or time from 1970 to 2262"}
		}
	}
	return t, flaw{}
}
