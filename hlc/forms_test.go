package hlc

import (
	"bytes"
	"encoding"
	"encoding/gob"
	"encoding/json"
	"flag"
	"log/slog"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var (
	_ encoding.TextAppender      = Timestamp{}
	_ encoding.TextMarshaler     = Timestamp{}
	_ encoding.TextUnmarshaler   = (*Timestamp)(nil)
	_ encoding.BinaryAppender    = Timestamp{}
	_ encoding.BinaryMarshaler   = Timestamp{}
	_ encoding.BinaryUnmarshaler = (*Timestamp)(nil)
	_ slog.LogValuer             = Timestamp{}
	_ encoding.TextAppender      = Stamp{}
	_ encoding.TextUnmarshaler   = (*Stamp)(nil)
)

// anyTimestamp draws from the whole range, with a taste for its corners.
func anyTimestamp() *rapid.Generator[Timestamp] {
	return rapid.Custom(func(t *rapid.T) Timestamp {
		wall := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-2, 2), rapid.Int64Range(math.MaxInt64-2, math.MaxInt64), rapid.Int64Range(1.7e18, 1.9e18),
			rapid.SampledFrom([]int64{math.MinInt64, 1e9 - 1, 1e9, 1e18}))
		logical := rapid.OneOf(rapid.Uint32(), rapid.Uint32Range(0, 2), rapid.SampledFrom([]uint32{4095, 4096, 65535, 65536, math.MaxInt32, math.MaxInt32 + 1, math.MaxUint32}))
		return Timestamp{wall.Draw(t, "wall"), logical.Draw(t, "logical")}
	})
}

func TestForms_ComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ts := anyTimestamp().Draw(t, "timestamp")
		for _, f := range forms {
			text, err := f.encode(ts)
			require.Equal(t, ts.WallTime < 0 && f.name != "text", err != nil, f.name)
			if err == nil {
				back, err := f.decode(text)
				require.NoError(t, err, f.name)
				require.Equal(t, ts, back, f.name)
			}
		}
	})
}

// TestForms_SortAsTimeDoes: bytes of the binary form, text of the sortable one, the
// descending form the other way round, all of a fixed width; the decimal form as a number.
func TestForms_SortAsTimeDoes(t *testing.T) {
	exact := func(decimal []byte) *big.Rat { r, _ := new(big.Rat).SetString(string(decimal)); return r }
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyTimestamp().Draw(t, "a"), anyTimestamp().Draw(t, "b")
		if rapid.Bool().Draw(t, "same wall time") {
			b.WallTime = a.WallTime
		}
		if a.WallTime < 0 || b.WallTime < 0 {
			return
		}
		for _, f := range forms[2:] {
			x, err := f.append(a, nil)
			require.NoError(t, err)
			y, err := f.append(b, nil)
			require.NoError(t, err)
			order := bytes.Compare(x, y)
			if f.name == "descending" {
				order = -order
			}
			require.Equal(t, a.Compare(b), order, f.name)
			require.Len(t, x, len(y))
		}
		x, _ := a.AppendDecimal(nil)
		y, _ := b.AppendDecimal(nil)
		require.Equal(t, a.Compare(b), exact(x).Cmp(exact(y)))
	})
}

// TestText_AnOmittedZero: a logical part left out is 0, and what was left out is all
// that encoding adds.
func TestText_AnOmittedZero(t *testing.T) {
	for short, long := range map[string]string{"1790000000.123456789": "1790000000.123456789,0", "-0.000000001": "-0.000000001,0"} {
		a, err := Parse(short)
		require.NoError(t, err)
		b, err := Parse(long)
		require.NoError(t, err)
		require.Equal(t, b, a)
		require.Equal(t, long, a.String())
	}
	a, err := ParseDecimal("1790000000123456789")
	require.NoError(t, err)
	require.Equal(t, Timestamp{1_790_000_000_123_456_789, 0}, a)
}

func TestSortable_IsSafeInFileNames(t *testing.T) {
	for _, v := range vectors(t) {
		if text, err := v.ts.AppendSortable(nil); err == nil {
			require.Regexp(t, `^[0-9A-Z.-]{37}$`, string(text))
		}
	}
}

func TestJSON_IsAString(t *testing.T) {
	type event struct {
		At    Timestamp         `json:"at"`
		Until Timestamp         `json:"until,omitzero"`
		Seen  map[Timestamp]int `json:"seen"`
		By    *Stamp            `json:"by"`
	}
	ts := Timestamp{1<<53 + 1, 7}
	in := event{At: ts, Seen: map[Timestamp]int{ts: 3}, By: &Stamp{ts, "node-a"}}
	text, err := json.Marshal(in)
	require.NoError(t, err)
	require.Equal(t, `{"at":"9007199.254740993,7","seen":{"9007199.254740993,7":3},"by":"9007199.254740993,7@node-a"}`, string(text))
	var out event
	require.NoError(t, json.Unmarshal(text, &out))
	require.Equal(t, in, out)
	for _, bad := range []string{`{"at":9007199.254740993}`, `{"at":""}`, `{"at":{"WallTime":1}}`, `{"at":"9007199.254740993,7@node-a"}`} {
		out := event{At: ts}
		require.Error(t, json.Unmarshal([]byte(bad), &out), bad)
		require.Equal(t, ts, out.At, "an error leaves no half result")
	}
}

func TestForms_InOtherPlaces(t *testing.T) {
	ts := Timestamp{1_790_000_000_123_456_789, 7}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("written", "at", ts)
	require.Contains(t, log.String(), "at=1790000000.123456789,7\n")

	flags, since := flag.NewFlagSet("", flag.ContinueOnError), Timestamp{}
	flags.TextVar(&since, "since", Timestamp{}, "")
	require.NoError(t, flags.Parse([]string{"-since", ts.String()}))
	require.Equal(t, ts, since)

	var wire bytes.Buffer
	stamp, back := Stamp{ts, "node-a"}, Stamp{}
	require.NoError(t, gob.NewEncoder(&wire).Encode(stamp))
	require.NoError(t, gob.NewDecoder(&wire).Decode(&back))
	require.Equal(t, stamp, back, "the node is not forgotten")
}

// TestForms_ErrorsLeaveNoTrace: neither in the value nor in the buffer.
func TestForms_ErrorsLeaveNoTrace(t *testing.T) {
	ts, early := Timestamp{5, 7}, Timestamp{WallTime: -1}
	require.Error(t, ts.UnmarshalText([]byte("5.0,7")))
	require.Error(t, ts.UnmarshalBinary(make([]byte, 8)))
	require.Equal(t, Timestamp{5, 7}, ts)
	for _, f := range forms[1:] {
		b, err := f.append(early, []byte("key/"))
		require.Error(t, err)
		require.Equal(t, "key/", string(b))
	}
	_, err := early.MarshalBinary()
	require.EqualError(t, err, "hlc: -0.000000001,0 has no binary form: it is before 1970")
	_, err = Parse(strings.Repeat("9", 1<<20))
	require.Less(t, len(err.Error()), 200, "an error is not as long as what a stranger sends")
}

func TestForms_DoNotAllocate(t *testing.T) {
	ts, room := Timestamp{1_790_000_000_123_456_789, 7}, make([]byte, 0, 64)
	text := []byte(ts.String())
	for name, call := range map[string]func(){
		"append text":       func() { _, _ = ts.AppendText(room) },
		"append decimal":    func() { _, _ = ts.AppendDecimal(room) },
		"append sortable":   func() { _, _ = ts.AppendSortable(room) },
		"append binary":     func() { _, _ = ts.AppendBinary(room) },
		"append descending": func() { _, _ = ts.AppendDescending(room) },
		"append stamp":      func() { _, _ = Stamp{ts, "node-a"}.AppendText(room) },
		"parse text":        func() { _, _ = Parse("1790000000.123456789,7") },
		"unmarshal text":    func() { _ = ts.UnmarshalText(text) },
		"parse decimal":     func() { _, _ = ParseDecimal("1790000000123456789.0000000007") },
		"parse sortable":    func() { _, _ = ParseSortable("20260921T141320.123456789Z-0000000007") },
		"parse stamp":       func() { _, _ = ParseStamp("1790000000.123456789,7@node-a") },
		"parse binary":      func() { _, _ = ParseBinary([]byte("\x18abcdefghijk")) },
		"pack":              func() { _, _ = Kudu().Pack(ts) },
		"round":             func() { _, _ = NTP48x16().Round(ts) },
	} {
		require.Zero(t, testing.AllocsPerRun(100, call), name)
	}
}
