package lamport

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestStamp_Order(t *testing.T) {
	ascending := []Stamp{{}, {0, "a"}, {1, ""}, {1, "a"}, {1, "aa"}, {1, "b"}, {2, "a"}, {10, "a"}, {math.MaxUint64, ""}, {math.MaxUint64, "a"}}
	for i, a := range ascending {
		for j, b := range ascending {
			require.Equal(t, cmp.Compare(i, j), a.Compare(b), "%v and %v", a, b)
			require.Equal(t, i < j, a.Before(b))
		}
	}
}

func TestStamp_Text(t *testing.T) {
	for text, want := range map[string]Stamp{
		"0@a":                           {0, "a"},
		"17@node-a":                     {17, "node-a"},
		"18446744073709551615@x":        {math.MaxUint64, "x"},
		"1@host:80@rack":                {1, "host:80@rack"},
		"1@ü":                           {1, "ü"},
		"1@" + strings.Repeat("n", 255): {1, strings.Repeat("n", 255)},
	} {
		s, err := ParseStamp(text)
		require.NoError(t, err)
		require.Equal(t, want, s)
		require.Equal(t, text, s.String())
	}
}

// TestParseStamp_NamesTheByte: each refusal says where.
func TestParseStamp_NamesTheByte(t *testing.T) {
	for text, want := range map[string]ParseError{
		"":                              {Offset: 0, Problem: "a number was expected"},
		"@a":                            {Offset: 0, Problem: "a number was expected"},
		"-1@a":                          {Offset: 0, Problem: "a number was expected"},
		"+1@a":                          {Offset: 0, Problem: "a number was expected"},
		"01@a":                          {Offset: 0, Problem: "a leading zero"},
		"00@a":                          {Offset: 0, Problem: "a leading zero"},
		"17":                            {Offset: 2, Problem: "an @ was expected"},
		"1_7@a":                         {Offset: 1, Problem: "an @ was expected"},
		"17 @a":                         {Offset: 2, Problem: "an @ was expected"},
		"18446744073709551616@a":        {Offset: 0, Problem: "the number does not fit 64 bits"},
		strings.Repeat("9", 1e6) + "@a": {Offset: 0, Problem: "the number does not fit 64 bits"},
		"17@":                           {Offset: 3, Problem: "the process has no name"},
		"17@a,b":                        {Offset: 4, Problem: "a comma, a space or a control character in the name of the process"},
		"17@a\n":                        {Offset: 4, Problem: "a comma, a space or a control character in the name of the process"},
		"17@\x7f":                       {Offset: 3, Problem: "a comma, a space or a control character in the name of the process"},
		"17@ü\xff":                      {Offset: 5, Problem: "the name of the process is not UTF-8"},
		"1@" + strings.Repeat("n", 256): {Offset: 257, Problem: "the name of the process is too long"},
	} {
		_, err := ParseStamp(text)
		want.Form = "stamp"
		var parse *ParseError
		require.ErrorAs(t, err, &parse, "%.40q", text)
		require.Equal(t, want, *parse, "%.40q", text)
	}
}

func TestStamp_WhatTheFormsCannotCarry(t *testing.T) {
	for _, name := range []string{"", "a b", "a,b", "\xff", strings.Repeat("n", 256)} {
		var bad *NameError
		_, err := Stamp{1, name}.MarshalText()
		require.ErrorAs(t, err, &bad)
		_, err = Stamp{1, name}.MarshalBinary()
		require.ErrorAs(t, err, &bad)
		require.Equal(t, name, bad.Name)
	}
	require.Equal(t, "1@a b", Stamp{1, "a b"}.String(), "it can be shown all the same")
}

func TestStamp_JSON(t *testing.T) {
	in := map[Stamp]Stamp{{math.MaxUint64, "a<b"}: {1, "\u2028"}}
	text, err := json.Marshal(in)
	require.NoError(t, err)
	var out map[Stamp]Stamp
	require.NoError(t, json.Unmarshal(text, &out))
	require.Equal(t, in, out)
	s := Stamp{5, "kept"}
	require.Error(t, json.Unmarshal([]byte(`"01@a"`), &s))
	require.Error(t, json.Unmarshal([]byte(`17`), &s))
	require.Equal(t, Stamp{5, "kept"}, s, "an error leaves no half result")
}

// TestStamp_BinaryOrderIsTheOrder: bytes compare as stamps do.
func TestStamp_BinaryOrderIsTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func() Stamp {
			time := rapid.OneOf(rapid.Uint64(), rapid.Uint64Range(0, 300)).Draw(t, "time")
			return Stamp{time, rapid.StringMatching(`[a-cü]{1,4}`).Draw(t, "process")}
		}
		a, b := draw(), draw()
		x, err := a.MarshalBinary()
		require.NoError(t, err)
		y, err := b.MarshalBinary()
		require.NoError(t, err)
		require.Equal(t, a.Compare(b), bytes.Compare(x, y), "%v and %v", a, b)
	})
}

// FuzzStamp: any bytes are refused with a typed error, or re-encode to themselves.
func FuzzStamp(f *testing.F) {
	for _, seed := range []string{"", "0@a", "17@node-a", "01@a", "17@a,b", "\x00\x00\x00\x00\x00\x00\x00\x11node", "\xff\xff\xff\xff\xff\xff\xff\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		kept := Stamp{5, "kept"}
		text, binary := kept, kept
		if err := text.UnmarshalText(data); err == nil {
			again, err := text.MarshalText()
			require.NoError(t, err)
			require.Equal(t, string(data), string(again))
		} else {
			requireParseError(t, err, len(data))
			require.Equal(t, kept, text)
		}
		if err := binary.UnmarshalBinary(data); err == nil {
			again, err := binary.MarshalBinary()
			require.NoError(t, err)
			require.Equal(t, string(data), string(again))
		} else {
			requireParseError(t, err, len(data))
			require.Equal(t, kept, binary)
		}
	})
}

func requireParseError(t *testing.T, err error, length int) {
	t.Helper()
	var parse *ParseError
	require.True(t, errors.As(err, &parse), "%v", err)
	require.GreaterOrEqual(t, parse.Offset, 0)
	require.LessOrEqual(t, parse.Offset, length)
}
