package hlc

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// fitting packs losslessly in Kudu's layout.
var fitting = Timestamp{1_790_000_000_123_456_000, 7}

// TestColumns_ComeBack through each Go type in which drivers hand a column over.
func TestColumns_ComeBack(t *testing.T) {
	for name, c := range map[string]struct {
		column driver.Valuer
		value  driver.Value
		scan   func(src any) (Timestamp, error)
		also   []any // other types of the same value
	}{
		"text": {
			TextColumn{fitting}, "20260921T141320.123456000Z-0000000007",
			func(src any) (Timestamp, error) { var c TextColumn; err := c.Scan(src); return c.Timestamp, err },
			[]any{[]byte("20260921T141320.123456000Z-0000000007")},
		},
		"bytes": {
			BytesColumn{fitting}, []byte("\x18\xd7\x5b\x84\x2b\x4e\xca\x00\x00\x00\x00\x07"),
			func(src any) (Timestamp, error) { var c BytesColumn; err := c.Scan(src); return c.Timestamp, err },
			nil,
		},
		"numeric": {
			NumericColumn{fitting}, "1790000000123456000.0000000007",
			func(src any) (Timestamp, error) { var c NumericColumn; err := c.Scan(src); return c.Timestamp, err },
			[]any{[]byte("1790000000123456000.0000000007")},
		},
		"bigint": {
			BigintColumn{fitting, Kudu()}, int64(1_790_000_000_123_456<<12 | 7),
			func(src any) (Timestamp, error) {
				c := BigintColumn{Layout: Kudu()}
				err := c.Scan(src)
				return c.Timestamp, err
			},
			nil,
		},
	} {
		value, err := c.column.Value()
		require.NoError(t, err, name)
		require.True(t, driver.IsValue(value), name)
		require.Equal(t, c.value, value, name)
		for _, src := range append(c.also, value) {
			ts, err := c.scan(src)
			require.NoError(t, err, "%s from %T", name, src)
			require.Equal(t, fitting, ts, "%s from %T", name, src)
		}
	}
}

// TestColumns_RefuseWhatWouldBeLost on the way in.
func TestColumns_RefuseWhatWouldBeLost(t *testing.T) {
	for name, c := range map[string]driver.Valuer{
		"the text of a time before 1970":     TextColumn{Timestamp{WallTime: -1}},
		"the bytes of a time before 1970":    BytesColumn{Timestamp{WallTime: -1}},
		"the number of a time before 1970":   NumericColumn{Timestamp{WallTime: -1}},
		"nanoseconds in microseconds":        BigintColumn{Timestamp{1_790_000_000_123_456_789, 0}, Kudu()},
		"13 bits of a logical part in 12":    BigintColumn{Timestamp{1_790_000_000_123_456_000, 4096}, Kudu()},
		"2^63, negative in a signed column":  BigintColumn{Timestamp{1 << 51 * 1000, 0}, Kudu()},
		"NTP, already above 2^63":            BigintColumn{Timestamp{1_790_000_000_000_000_000, 0}, NTP48x16()},
		"what is after the end of a layout":  BigintColumn{Timestamp{1 << 52 * 1000, 0}, Kudu()},
		"a bigint column without its layout": BigintColumn{Timestamp: fitting},
	} {
		value, err := c.Value()
		require.Nil(t, value, name)
		require.ErrorAs(t, err, new(*RangeError), name)
	}
}

// TestColumns_RefuseWhatIsAnotherColumns on the way out, and keep what they had.
func TestColumns_RefuseWhatIsAnotherColumns(t *testing.T) {
	text, bytes, numeric, bigint := TextColumn{fitting}, BytesColumn{fitting}, NumericColumn{fitting}, BigintColumn{fitting, Kudu()}
	text12 := []byte("10.000000000") // text of twelve bytes
	for name, c := range map[string]struct {
		column sql.Scanner
		src    []any
	}{
		"text":    {&text, []any{nil, int64(1), 1.5, "", "1790000000.123456789,7", "1790000000123456789.0000000007", text12}},
		"bytes":   {&bytes, []any{nil, int64(1), 1.5, "", "abcdefghijkl", []byte("12345678"), []byte{}, []byte(nil)}},
		"numeric": {&numeric, []any{nil, int64(1), 1.79e18, "1.79e18", "1790000000123456789.00000000070", "NaN", true}},
		"bigint":  {&bigint, []any{nil, int64(-1), 1.5, "7331840000505679872", []byte("7331840000505679872")}},
	} {
		for _, src := range c.src {
			require.Error(t, c.column.Scan(src), "%s from %T %v", name, src, src)
		}
	}
	require.ErrorContains(t, numeric.Scan(1.79e18), "a float64 has lost digits of a timestamp")
	require.EqualError(t, text.Scan(nil), "hlc: NULL is no timestamp; scan it into a sql.Null[hlc.TextColumn]")
	tikv := BigintColumn{fitting, TiKV()}
	require.Error(t, tikv.Scan(int64(math.MaxInt64)), "after 2262")
	for _, ts := range []Timestamp{text.Timestamp, bytes.Timestamp, numeric.Timestamp, bigint.Timestamp, tikv.Timestamp} {
		require.Equal(t, fitting, ts)
	}
}

func TestColumns_Null(t *testing.T) {
	var c sql.Null[TextColumn]
	require.NoError(t, c.Scan(nil))
	require.False(t, c.Valid)
	require.NoError(t, c.Scan("20260921T141320.123456000Z-0000000007"))
	require.Equal(t, sql.Null[TextColumn]{V: TextColumn{fitting}, Valid: true}, c)
	value, err := driver.DefaultParameterConverter.ConvertValue(c) // as database/sql does with an argument
	require.NoError(t, err)
	require.Equal(t, "20260921T141320.123456000Z-0000000007", value)
}

// TestColumns_TheDriversBytesAreNotKept: a driver uses them again for the next row.
func TestColumns_TheDriversBytesAreNotKept(t *testing.T) {
	row := []byte("\x18\xd7\x5b\x84\x2b\x4e\xca\x00\x00\x00\x00\x07")
	var c BytesColumn
	require.NoError(t, c.Scan(row))
	clear(row)
	require.Equal(t, fitting, c.Timestamp)
}

// TestColumns_InJSON are the string that a Timestamp is.
func TestColumns_InJSON(t *testing.T) {
	text, err := json.Marshal(NumericColumn{fitting})
	require.NoError(t, err)
	require.Equal(t, `"1790000000.123456000,7"`, string(text))
	c := BigintColumn{Layout: Kudu()}
	require.NoError(t, json.Unmarshal(text, &c))
	require.Equal(t, BigintColumn{fitting, Kudu()}, c)
}

func ExampleNumericColumn() {
	// db.Exec("CREATE TABLE events (at numeric(29,10) PRIMARY KEY)")
	value, err := NumericColumn{Timestamp{1_790_000_000_123_456_789, 7}}.Value()
	fmt.Println(value, err)

	var at NumericColumn
	err = at.Scan(value) // as row.Scan(&at) does
	fmt.Println(at.Timestamp, err)
	// Output:
	// 1790000000123456789.0000000007 <nil>
	// 1790000000.123456789,7 <nil>
}
