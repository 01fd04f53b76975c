package commitwait

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
)

func TestTokens_GoAndComeBack(t *testing.T) {
	with, err := NewTokens([]byte("sixteen bytes ok"))
	require.NoError(t, err)
	other, err := NewTokens([]byte("sixteen bytes OK"))
	require.NoError(t, err)
	_, err = NewTokens(make([]byte, 15))
	require.Error(t, err)
	for _, ts := range []hlc.Timestamp{{}, {WallTime: 1}, {WallTime: 1_790_000_000_123_456_789, Logical: 7}, {WallTime: math.MaxInt64, Logical: math.MaxUint32}} {
		for i, k := range []Tokens{{}, with} {
			token, err := k.Seal(ts)
			require.NoError(t, err)
			require.Len(t, token, []int{23, 39}[i])
			back, err := k.Open(token)
			require.NoError(t, err)
			require.Equal(t, ts, back)
			for _, wrong := range []Tokens{{}, with, other} {
				if string(wrong.key) != string(k.key) {
					_, err = wrong.Open(token)
					require.ErrorAs(t, err, new(*TokenError), "another key, or none")
				}
			}
		}
	}
	_, err = with.Seal(hlc.Timestamp{WallTime: -1})
	require.ErrorAs(t, err, new(*hlc.RangeError))
	require.Error(t, (&TokenError{"x"}))
}

// TestTokens_EveryBitCounts.
func TestTokens_EveryBitCounts(t *testing.T) {
	with, err := NewTokens([]byte("sixteen bytes ok"))
	require.NoError(t, err)
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for _, k := range []Tokens{{}, with} {
		token, err := k.Seal(hlc.Timestamp{WallTime: 1_790_000_000_123_456_789, Logical: 7})
		require.NoError(t, err)
		for i := range token {
			for bit := range 6 {
				letter := alphabet[strings.IndexByte(alphabet, token[i])^1<<bit]
				_, err := k.Open(token[:i] + string(letter) + token[i+1:])
				require.ErrorAs(t, err, new(*TokenError), "letter %d bit %d", i, bit)
			}
		}
		for i := range token {
			_, err := k.Open(token[:i])
			require.ErrorAs(t, err, new(*TokenError), "cut")
		}
		_, err = k.Open(token + "A")
		require.ErrorAs(t, err, new(*TokenError))
		_, err = k.Open(strings.Repeat("A", 1<<20))
		require.ErrorAs(t, err, new(*TokenError))
	}
}

func FuzzToken(f *testing.F) {
	token, _ := Tokens{}.Seal(hlc.Timestamp{WallTime: 1_790_000_000_123_456_789, Logical: 7})
	f.Add(token)
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		ts, err := Tokens{}.Open(token)
		if err != nil {
			require.ErrorAs(t, err, new(*TokenError))
			return
		}
		again, err := Tokens{}.Seal(ts)
		require.NoError(t, err)
		require.Equal(t, token, again, "what is accepted is written so")
	})
}

// TestTokens_NoLineBreaks, which the decoder of base64 would skip: one timestamp has one token.
func TestTokens_NoLineBreaks(t *testing.T) {
	s, err := Tokens{}.Seal(hlc.Timestamp{WallTime: 5})
	require.NoError(t, err)
	_, err = Tokens{}.Open(s[:4] + "\r\n" + s[4:] + "\n")
	require.ErrorAs(t, err, new(*TokenError))
}
