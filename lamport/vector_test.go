package lamport

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func vector(t require.TestingT, text string) Vector {
	v, err := ParseVector(text)
	require.NoError(t, err)
	return v
}

func TestVector_Stories(t *testing.T) {
	var a, b Vector
	a, err := a.Tick("a")
	require.NoError(t, err)
	b, err = b.Tick("b")
	require.NoError(t, err)
	require.Equal(t, Concurrent, a.Compare(b), "nobody has heard of the other")
	received, err := b.Witness("b", a)
	require.NoError(t, err)
	require.Equal(t, "1@a,2@b", received.String())
	require.Equal(t, Before, a.Compare(received), "the message comes before its receipt")
	require.Equal(t, After, received.Compare(b))
	require.Equal(t, "1@b", b.String(), "the vector of before is as it was")
	require.Equal(t, uint64(2), received.Of("b"))
	require.Zero(t, received.Of("c"))
	require.Equal(t, map[string]uint64{"a": 1, "b": 2}, maps.Collect(received.All()))
	require.Equal(t, 2, received.Len())
}

func TestVector_Compare(t *testing.T) {
	for _, c := range []struct {
		why, a, b string
		want      Order
	}{
		{"nothing equals nothing", "", "", Equal},
		{"nothing is before something", "", "1@a", Before},
		{"the same counts", "1@a,2@b", "1@a,2@b", Equal},
		{"one count higher", "1@a,2@b", "1@a,3@b", Before},
		{"one process more", "1@a,3@c", "1@a,2@b,3@c", Before},
		{"each knows more of itself", "2@a,1@b", "1@a,2@b", Concurrent},
		{"strangers", "1@a", "1@b", Concurrent},
		{"more of one, and one process less", "9@a", "1@a,1@b", Concurrent},
		{"at the end of the range", "9223372036854775806@a", "9223372036854775807@a", Before},
	} {
		a, b := vector(t, c.a), vector(t, c.b)
		require.Equal(t, c.want, a.Compare(b), c.why)
		require.Equal(t, map[Order]Order{Before: After, Equal: Equal, Concurrent: Concurrent}[c.want], b.Compare(a), c.why)
	}
	require.Equal(t, []string{"concurrent", "before", "equal", "after"}, []string{Concurrent.String(), Before.String(), Equal.String(), After.String()})
}

// TestVector_MergeIsTheLeastAboveBoth against maps, the obvious way; and neither
// side is written to.
func TestVector_MergeIsTheLeastAboveBoth(t *testing.T) {
	draw := rapid.MapOf(rapid.StringMatching(`[a-f]`), rapid.Uint64Range(1, 3))
	rapid.Check(t, func(t *rapid.T) {
		x, y := draw.Draw(t, "x"), draw.Draw(t, "y")
		a, b := ofMap(t, x), ofMap(t, y)
		before := [2]string{a.String(), b.String()}
		merged, err := a.Merge(b)
		require.NoError(t, err)
		want := maps.Clone(x)
		for p, n := range y {
			want[p] = max(want[p], n)
		}
		require.Equal(t, want, maps.Collect(merged.All()))
		for p := range want {
			next, err := merged.Tick(p)
			require.NoError(t, err)
			require.Equal(t, Before, merged.Compare(next))
		}
		_, err = merged.Tick("new")
		require.NoError(t, err)
		require.Equal(t, want, maps.Collect(merged.All()))
		require.Equal(t, before, [2]string{a.String(), b.String()})
	})
}

// ofMap is the vector with these counts.
func ofMap(t require.TestingT, counts map[string]uint64) Vector {
	var entries []string
	for _, p := range slices.Sorted(maps.Keys(counts)) {
		entries = append(entries, fmt.Sprintf("%d@%s", counts[p], p))
	}
	return vector(t, strings.Join(entries, ","))
}

// one is the text of a vector that counts one event of each of n processes.
func one(n int) string {
	var entries []string
	for i := range n {
		entries = append(entries, fmt.Sprintf("1@p%04d", i))
	}
	return strings.Join(entries, ",")
}

// TestVector_Refuses: an error and no vector.
func TestVector_Refuses(t *testing.T) {
	most := vector(t, one(MaxProcesses))
	for why, c := range map[string]struct {
		call func() (Vector, error)
		want any
	}{
		"a name that the forms cannot carry": {func() (Vector, error) { return Vector{}.Tick("a b") }, new(*NameError)},
		"no name":                            {func() (Vector, error) { return Vector{}.Tick("") }, new(*NameError)},
		"one event too many":                 {func() (Vector, error) { return vector(t, "9223372036854775807@a").Tick("a") }, ErrExhausted},
		"one process too many":               {func() (Vector, error) { return most.Tick("q") }, ErrTooManyProcesses},
		"one too many by a merger":           {func() (Vector, error) { return most.Merge(vector(t, "1@q")) }, ErrTooManyProcesses},
		"one too many by a message":          {func() (Vector, error) { return vector(t, "1@q").Witness("q", most) }, ErrTooManyProcesses},
		"somebody knows more of us than we":  {func() (Vector, error) { return vector(t, "1@a").Witness("a", vector(t, "2@a")) }, new(*TooFarError)},
	} {
		v, err := c.call()
		if target, ok := c.want.(error); ok {
			require.ErrorIs(t, err, target, why)
		} else {
			require.ErrorAs(t, err, c.want, why)
		}
		require.Zero(t, v.Len(), why)
	}
	same, err := most.Merge(most)
	require.NoError(t, err, "as many as may be")
	require.Equal(t, Equal, most.Compare(same))
}

// TestParseVector_NamesTheByte: each refusal says where.
func TestParseVector_NamesTheByte(t *testing.T) {
	for text, want := range map[string]ParseError{
		",":                         {Offset: 0, Problem: "a number was expected"},
		"1@a,":                      {Offset: 4, Problem: "a number was expected"},
		"1@a, 1@b":                  {Offset: 4, Problem: "a number was expected"},
		"1@a,01@b":                  {Offset: 4, Problem: "a leading zero"},
		"1@a,2@b c":                 {Offset: 7, Problem: "a comma, a space or a control character in the name of the process"},
		"1@a,2@":                    {Offset: 6, Problem: "the process has no name"},
		"1@b,1@a":                   {Offset: 4, Problem: "not in the order of the names"},
		"1@a,2@a":                   {Offset: 4, Problem: "not in the order of the names"},
		"0@a":                       {Offset: 0, Problem: "a count of zero"},
		"1@a,9223372036854775808@b": {Offset: 4, Problem: "a count above the largest"},
		one(MaxProcesses) + ",1@z":  {Offset: len(one(MaxProcesses)) + 1, Problem: "too many processes"},
	} {
		_, err := ParseVector(text)
		want.Form = "vector"
		var parse *ParseError
		require.ErrorAs(t, err, &parse, "%.40q", text)
		require.Equal(t, want, *parse, "%.40q", text)
	}
}

// TestVector_Binary_Golden keeps the form from changing.
func TestVector_Binary_Golden(t *testing.T) {
	v := vector(t, "3@a,9223372036854775807@bc")
	data, err := v.MarshalBinary()
	require.NoError(t, err)
	require.Equal(t, "\x01\x00\x02"+"\x01a\x00\x00\x00\x00\x00\x00\x00\x03"+"\x02bc\x7f\xff\xff\xff\xff\xff\xff\xff", string(data))
	var back Vector
	require.NoError(t, back.UnmarshalBinary(data))
	require.Equal(t, v, back)
	for n := range data {
		requireParseError(t, back.UnmarshalBinary(data[:n]), n)
	}
	requireParseError(t, back.UnmarshalBinary(append(data, 0)), len(data))
	require.Equal(t, v, back, "a refusal leaves no half result")
}

// TestVector_Binary_AllocatesNoMoreThanItIsGiven: a short message that claims
// many entries costs nothing.
func TestVector_Binary_AllocatesNoMoreThanItIsGiven(t *testing.T) {
	for _, data := range []string{"\x01\xff\xff", "\x01\x04\x00", "\x01\x04\x00" + strings.Repeat("\xff", 100)} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 1000 {
			require.Error(t, new(Vector).UnmarshalBinary([]byte(data)))
		}
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1000*4096))
	}
}

func TestVector_JSON(t *testing.T) {
	in := map[string]Vector{"empty": {}, "two": vector(t, "1@a,9223372036854775807@b<c")}
	text, err := json.Marshal(in)
	require.NoError(t, err)
	require.Contains(t, string(text), `"empty":""`)
	var out map[string]Vector
	require.NoError(t, json.Unmarshal(text, &out))
	require.Equal(t, in, out)
	v := vector(t, "1@kept")
	require.Error(t, json.Unmarshal([]byte(`"1@b,1@a"`), &v))
	require.Error(t, json.Unmarshal([]byte(`{"a":1}`), &v))
	require.Equal(t, "1@kept", v.String())
}

// FuzzVector: any bytes are refused with a typed error, or re-encode to themselves
// in this form and pass through the other.
func FuzzVector(f *testing.F) {
	for _, seed := range []string{"", "1@a", "1@a,2@b", "1@a,1@a", "0@a", "\x01\x00\x00", "\x01\x00\x01\x01a\x00\x00\x00\x00\x00\x00\x00\x03", "\x01\xff\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var text, binary Vector
		if err := text.UnmarshalText(data); err == nil {
			require.Equal(t, string(data), text.String())
		} else {
			requireParseError(t, err, len(data))
		}
		if err := binary.UnmarshalBinary(data); err == nil {
			again, err := binary.MarshalBinary()
			require.NoError(t, err)
			require.Equal(t, string(data), string(again))
		} else {
			requireParseError(t, err, len(data))
		}
		for _, v := range []Vector{text, binary} {
			require.Equal(t, Equal, vector(t, v.String()).Compare(v))
			require.LessOrEqual(t, v.Len(), MaxProcesses)
			for _, n := range v.All() {
				require.True(t, 1 <= n && n <= math.MaxInt64)
			}
		}
	})
}
