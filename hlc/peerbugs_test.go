package hlc

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPeersBugs_Encodings: what went wrong in other systems' encodings of hybrid
// timestamps, and what happens here.
func TestPeersBugs_Encodings(t *testing.T) {
	const wall = 1_790_000_000_123_456_789
	for name, answer := range map[string]func(t *testing.T){
		"JSON lost the time": func(t *testing.T) {
			in := struct{ At Timestamp }{Timestamp{wall, 7}}
			text, err := json.Marshal(in)
			require.NoError(t, err)
			out := in
			out.At = Timestamp{}
			require.NoError(t, json.Unmarshal(text, &out))
			require.Equal(t, in, out)
		},
		"a JSON reader made a float of it": func(t *testing.T) {
			text, err := json.Marshal(Timestamp{wall, 7})
			require.NoError(t, err)
			var v any
			require.NoError(t, json.Unmarshal(text, &v))
			require.Equal(t, "1790000000.123456789,7", v, "a string stays what it is")
			require.Error(t, json.Unmarshal([]byte("1790000000.123456789"), new(Timestamp)), "and a number is none")
		},
		"the compact text sorted wrongly: 9 after 10": func(t *testing.T) {
			for _, pair := range [][2]Timestamp{{{999_999_999e9, 0}, {1_000_000_000e9, 0}}, {{wall, 9}, {wall, 10}}} {
				a, _ := pair[0].AppendSortable(nil)
				b, _ := pair[1].AppendSortable(nil)
				require.Negative(t, bytes.Compare(a, b))
			}
		},
		"little-endian keys sorted wrongly": func(t *testing.T) {
			a, _ := Timestamp{0x00ff, 0}.AppendBinary(nil)
			b, _ := Timestamp{0x0100, 0}.AppendBinary(nil)
			require.Negative(t, bytes.Compare(a, b))
		},
		"a time before 1970 sorted behind all others": func(t *testing.T) {
			_, err := Timestamp{WallTime: -1}.AppendBinary(nil)
			require.ErrorAs(t, err, new(*RangeError))
		},
		"a key without its zero logical part was another key": func(t *testing.T) {
			a, err := Parse("1790000000.123456789")
			require.NoError(t, err)
			b, err := Parse("1790000000.123456789,0")
			require.NoError(t, err)
			require.Equal(t, a, b)
			x, _ := a.AppendBinary(nil)
			require.Len(t, x, BinaryLen, "there is one key for it")
			require.Error(t, new(Timestamp).UnmarshalBinary(x[:8]))
		},
		"a logical part of 2^31 became negative": func(t *testing.T) {
			ts, err := ParseDecimal("1790000000123456789.2147483648")
			require.NoError(t, err)
			require.True(t, ts.After(Timestamp{wall, math.MaxInt32}))
		},
		"a full logical part spilled into the wall time, or vanished": func(t *testing.T) {
			full := Timestamp{1_790_000_000_123_000_000, 4095}
			next, err := full.Next()
			require.NoError(t, err)
			a, err := Kudu().Pack(full)
			require.NoError(t, err)
			b, err := Kudu().Pack(next)
			require.NoError(t, err)
			require.Equal(t, a+1, b)
			back, err := Kudu().Unpack(b)
			require.NoError(t, err)
			require.False(t, back.Before(next))
		},
		"microseconds cut off put a commit before its own wait": func(t *testing.T) {
			for _, l := range Layouts() {
				up, err := l.Round(Timestamp{wall, 7})
				require.NoError(t, err)
				require.False(t, up.Before(Timestamp{wall, 7}), l)
			}
		},
		"the RFC 3339 form lost bits": func(t *testing.T) {
			ts := Timestamp{wall, math.MaxUint32}
			text, _ := ts.AppendSortable(nil)
			back, err := ParseSortable(string(text))
			require.NoError(t, err)
			require.Equal(t, ts, back)
		},
		"the packed value ended and began again": func(t *testing.T) {
			_, err := Kudu().Pack(Timestamp{(1<<52 - 1) * 1000, 4096})
			require.ErrorAs(t, err, new(*RangeError))
		},
		"a uint64 became a negative bigint": func(t *testing.T) {
			_, err := BigintColumn{Timestamp{1 << 51 * 1000, 0}, Kudu()}.Value()
			require.ErrorAs(t, err, new(*RangeError))
		},
	} {
		t.Run(name, answer)
	}
}
