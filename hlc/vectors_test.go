package hlc

import (
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// form is one way to write a timestamp, as the tests see it: hex for bytes.
type form struct {
	name   string
	append func(Timestamp, []byte) ([]byte, error)
	parse  func([]byte) (Timestamp, error)
	binary bool
}

var forms = []form{
	{"text", Timestamp.AppendText, fromText(Parse), false},
	{"decimal", Timestamp.AppendDecimal, fromText(ParseDecimal), false},
	{"sortable", Timestamp.AppendSortable, fromText(ParseSortable), false},
	{"binary", Timestamp.AppendBinary, ParseBinary, true},
	{"descending", Timestamp.AppendDescending, ParseDescending, true},
}

func fromText(parse func(string) (Timestamp, error)) func([]byte) (Timestamp, error) {
	return func(b []byte) (Timestamp, error) { return parse(string(b)) }
}

func (f form) encode(ts Timestamp) (string, error) {
	b, err := f.append(ts, nil)
	if f.binary {
		return hex.EncodeToString(b), err
	}
	return string(b), err
}

func (f form) decode(text string) (Timestamp, error) {
	if !f.binary {
		return f.parse([]byte(text))
	}
	b, err := hex.DecodeString(text)
	if err != nil {
		return Timestamp{}, err
	}
	return f.parse(b)
}

// vector is one case of testdata/timestamps/forms.txt.
type vector struct {
	name string
	ts   Timestamp
	form map[string]string
}

func vectors(t testing.TB) (all []vector) {
	t.Helper()
	text, err := os.ReadFile("../testdata/timestamps/forms.txt")
	require.NoError(t, err)
	for _, block := range strings.Split(string(text), "\n## ")[1:] {
		lines := strings.Split(strings.TrimSpace(block), "\n")
		v := vector{name: lines[0], form: map[string]string{}}
		for _, line := range lines[2:] { // lines[1] is the sentence
			key, value, _ := strings.Cut(line, " ")
			v.form[key] = value
		}
		v.ts.WallTime, err = strconv.ParseInt(v.form["wall"], 10, 64)
		require.NoError(t, err)
		logical, err := strconv.ParseUint(v.form["logical"], 10, 32)
		require.NoError(t, err)
		v.ts.Logical = uint32(logical)
		require.Len(t, v.form, 11, v.name)
		all = append(all, v)
	}
	require.Greater(t, len(all), 20)
	return all
}

func TestVectors_EveryForm(t *testing.T) {
	for _, v := range vectors(t) {
		for _, f := range forms {
			want := v.form[f.name]
			got, err := f.encode(v.ts)
			if want == "-" {
				var refused *RangeError
				require.ErrorAs(t, err, &refused, "%s: %s", v.name, f.name)
				require.Equal(t, RangeError{v.ts, f.name, before1970}, *refused)
				require.Empty(t, got, "nothing is appended beside an error")
				continue
			}
			require.NoError(t, err, "%s: %s", v.name, f.name)
			require.Equal(t, want, got, "%s: %s", v.name, f.name)
			parsed, err := f.decode(want)
			require.NoError(t, err, "%s: %s", v.name, f.name)
			require.Equal(t, v.ts, parsed, "%s: %s", v.name, f.name)
		}
		require.Equal(t, v.form["text"], v.ts.String())
	}
}

func TestVectors_EveryLayout(t *testing.T) {
	for _, v := range vectors(t) {
		for _, l := range Layouts() {
			packed, err := l.Pack(v.ts)
			if v.form[l.String()] == "-" {
				var refused *RangeError
				require.ErrorAs(t, err, &refused, "%s: %v", v.name, l)
				require.Equal(t, l.String(), refused.Form)
				require.False(t, l.Fits(v.ts))
				continue
			}
			require.NoError(t, err, "%s: %v", v.name, l)
			back, err := l.Unpack(packed)
			require.NoError(t, err, "%s: %v", v.name, l)
			require.Equal(t, v.form[l.String()], fmt.Sprint(packed, " ", back), "%s: %v", v.name, l)
			require.Equal(t, back == v.ts, l.Fits(v.ts))
		}
	}
}

func TestVectors_Refused(t *testing.T) {
	text, err := os.ReadFile("../testdata/timestamps/refused.txt")
	require.NoError(t, err)
	count := 0
	for line := range strings.Lines(string(text)) {
		if line == "\n" || line[0] == '#' {
			continue
		}
		count++
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		offset, rest, _ := strings.Cut(rest, " ")
		quoted, err := strconv.QuotedPrefix(rest)
		require.NoError(t, err, line)
		input, err := strconv.Unquote(quoted)
		require.NoError(t, err, line)
		err = refuse(name, input)
		var bad *ParseError
		require.ErrorAs(t, err, &bad, line)
		require.Equal(t, name, bad.Form, line)
		assert.Equal(t, offset, fmt.Sprint(bad.Offset), "%s%v", line, err)
		require.NotEmpty(t, bad.Problem)
	}
	require.Greater(t, count, 70)
}

func refuse(name, input string) error {
	if name == "stamp" {
		_, err := ParseStamp(input)
		return err
	}
	for _, f := range forms {
		if f.name == name {
			_, err := f.decode(input)
			return err
		}
	}
	return nil
}
