package hlc

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestStamp_OrderIsTotal: the node decides where the timestamps are the same.
func TestStamp_OrderIsTotal(t *testing.T) {
	ascending := []Stamp{{}, {Timestamp{}, "a"}, {Timestamp{0, 1}, ""}, {Timestamp{1, 0}, "b"}, {Timestamp{1, 1}, "a"}, {Timestamp{1, 1}, "aa"}, {Timestamp{1, 1}, "b"}, {Timestamp{2, 0}, "a"}}
	require.True(t, slices.IsSortedFunc(ascending, Stamp.Compare))
	for i, a := range ascending {
		for j, b := range ascending {
			require.Equal(t, i < j, a.Before(b))
			require.Equal(t, i == j, a.Compare(b) == 0)
		}
	}
}

func TestStamp_TextComesBack(t *testing.T) {
	ts := Timestamp{1_790_000_000_123_456_789, 7}
	for _, node := range []string{"node-a", "", "eu@west", "knoten-ß", "a,b", " "} {
		s := Stamp{ts, node}
		require.Equal(t, "1790000000.123456789,7@"+node, s.String())
		text, err := s.MarshalText()
		require.NoError(t, err)
		var back Stamp
		require.NoError(t, back.UnmarshalText(text))
		require.Equal(t, s, back)
	}
	short, err := ParseStamp("1790000000.123456789@node-a")
	require.NoError(t, err)
	require.Equal(t, Stamp{Timestamp{1_790_000_000_123_456_789, 0}, "node-a"}, short)
}

// TestStamp_ANodeThatJSONWouldChange: two such names could become one.
func TestStamp_ANodeThatJSONWouldChange(t *testing.T) {
	_, err := Stamp{Timestamp{1, 2}, "\xff"}.MarshalText()
	var refused *RangeError
	require.ErrorAs(t, err, &refused)
	before := Stamp{Timestamp{1, 2}, "a"}
	after := before
	require.Error(t, after.UnmarshalText([]byte("1.000000000,0@\xff")))
	require.Equal(t, before, after)
}
