package fencing

import (
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sum sets the checksum, so that what is behind it is looked at.
func sum(b []byte) []byte {
	return binary.BigEndian.AppendUint32(b[:len(b)-4:len(b)-4], crc32.Checksum(b[:len(b)-4], castagnoli))
}

func TestTable_RoundTrip(t *testing.T) {
	for _, want := range []table{
		{max: map[string]Token{}}, {floor: 7, max: map[string]Token{"a": 1}},
		{max: map[string]Token{"a": 33, "b": 1<<64 - 1, strings.Repeat("x", MaxName): 1, "\x00": 2}},
	} {
		got, err := decodeTable(want.encode())
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestTable_RefusesWhatEncodeNeverMakes(t *testing.T) {
	good := table{max: map[string]Token{"a": 1, "b": 2}}.encode()
	change := func(at int, to byte) []byte {
		b := append([]byte(nil), good...)
		b[at] = to
		return sum(b)
	}
	for name, b := range map[string][]byte{
		"nothing": nil, "a checksum alone": {0, 0, 0, 0}, "another magic": change(0, 'x'), "another version": change(11, 2),
		"more resources than there are": change(15, 3), "less": change(15, 1), "four billion": change(12, 255),
		"a name without end": change(24, 255), "no name": change(24, 0), "two names alike": change(35, 'a'), "names not in order": change(25, 'c'),
		"token 0": change(33, 0), "a wrong checksum": append(good[:len(good)-1:len(good)-1], good[len(good)-1]+1),
	} {
		_, err := decodeTable(b)
		require.Error(t, err, name)
	}
}

// FuzzTable: any bytes are refused, or encode to themselves (I8).
func FuzzTable(f *testing.F) {
	f.Add(table{}.encode())
	f.Add(table{floor: 7, max: map[string]Token{"a": 1, "orders": 34}}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, b := range [][]byte{b, sum(append(append([]byte(nil), b...), 0, 0, 0, 0))} {
			if got, err := decodeTable(b); err == nil {
				require.Equal(t, b, got.encode())
			}
		}
	})
}

// FuzzParse: a token is one text, and a text is one token.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"34", "0", "18446744073709551615", "18446744073709551616", "+1", "01", " 1", "１"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if token, err := Parse(s); err == nil {
			require.Equal(t, s, token.String())
			require.NotZero(t, token)
		} else {
			require.ErrorAs(t, err, new(*ParseError))
		}
	})
}
