package hlc

import (
	"database/sql/driver"
	"fmt"
	"math"
	"strconv"
)

// A Timestamp by itself is no value for a database: which form is right depends on
// the column, and text in one form may be valid in another. So each kind of column has
// its type, a [driver.Valuer] and a scanner that wraps a Timestamp:
//
//	db.Exec("INSERT INTO events (at) VALUES ($1)", hlc.NumericColumn{Timestamp: ts})
//	var at hlc.NumericColumn
//	row.Scan(&at) // then at.Timestamp
//
// All four sort as time does. What would lose something is an error, and so is NULL; for a
// column that may be NULL use sql.Null[hlc.TextColumn].
type (
	// TextColumn is the sortable form in a text or varchar(37) column. It loses nothing.
	//
	// HAZARD: the column must compare bytes or ASCII, as every usual collation does with
	// digits, T, Z, the point and the dash at fixed places.
	TextColumn struct{ Timestamp }

	// BytesColumn is the binary form in a bytea, blob or binary(12) column. It loses nothing.
	BytesColumn struct{ Timestamp }

	// NumericColumn is the decimal form in a numeric(29,10) column. It loses nothing.
	//
	// HAZARD: SQLite has no such type and makes a float of it; what comes back is refused, but what
	// was written is lost.
	NumericColumn struct{ Timestamp }

	// BigintColumn is the packed form in a bigint (signed 64-bit) column. It holds what
	// Fits its Layout, which must be set before scanning too; another timestamp is refused
	// instead of rounded, and so is a packed value of 2^63 or above.
	BigintColumn struct {
		Timestamp
		Layout Layout
	}
)

// Value is for database/sql. Errors as in AppendSortable.
func (c TextColumn) Value() (driver.Value, error) {
	b, err := c.AppendSortable(make([]byte, 0, sortableLen))
	return unless(string(b), err)
}

// Scan is for database/sql. It returns a [*ParseError], or another error if src is not text.
func (c *TextColumn) Scan(src any) (err error) {
	return scanText(&c.Timestamp, "TextColumn", src, ParseSortable)
}

// Value is for database/sql. Errors as in AppendBinary.
func (c BytesColumn) Value() (driver.Value, error) {
	b, err := c.AppendBinary(nil)
	return unless(b, err)
}

// Scan is for database/sql. It returns a [*ParseError], or another error if src is not bytes.
func (c *BytesColumn) Scan(src any) error {
	b, ok := src.([]byte)
	if !ok {
		return wrongColumn("BytesColumn", src)
	}
	return c.UnmarshalBinary(b)
}

// Value is for database/sql: a string, which databases read as a number. Errors as in AppendDecimal.
func (c NumericColumn) Value() (driver.Value, error) {
	b, err := c.AppendDecimal(nil)
	return unless(string(b), err)
}

// Scan is for database/sql. It returns a [*ParseError], or another error if src is not
// the text of a number; a float64 has lost digits already.
func (c *NumericColumn) Scan(src any) error {
	return scanText(&c.Timestamp, "NumericColumn", src, ParseDecimal)
}

// Value is for database/sql. It returns a [*RangeError] for what the column would lose.
func (c BigintColumn) Value() (driver.Value, error) {
	packed, err := c.Layout.Pack(c.Timestamp)
	switch {
	case err != nil:
		return nil, err
	case packed > math.MaxInt64:
		return nil, &RangeError{Timestamp: c.Timestamp, Form: "BigintColumn", Problem: "packed it is 2^63 or above"}
	case !c.Layout.Fits(c.Timestamp):
		return nil, &RangeError{Timestamp: c.Timestamp, Form: "BigintColumn", Problem: "layout " + c.Layout.String() + " would round it; issue timestamps that fit, or Round it"}
	}
	return int64(packed), nil
}

// Scan is for database/sql. It returns a [*ParseError], or another error if src is not an int64.
func (c *BigintColumn) Scan(src any) error {
	packed, ok := src.(int64)
	switch {
	case !ok:
		return wrongColumn("BigintColumn", src)
	case packed < 0:
		return fail(c.Layout.String(), strconv.FormatInt(packed, 10), flaw{0, "it is negative"})
	}
	t, err := c.Layout.Unpack(uint64(packed))
	if err == nil {
		c.Timestamp = t
	}
	return err
}

// scanText parses text as drivers hand it over, string or bytes.
func scanText(t *Timestamp, column string, src any, parse func(string) (Timestamp, error)) error {
	var text string
	switch src := src.(type) {
	case string:
		text = src
	case []byte:
		text = string(src)
	default:
		return wrongColumn(column, src)
	}
	parsed, err := parse(text)
	if err == nil {
		*t = parsed
	}
	return err
}

func wrongColumn(column string, src any) error {
	switch src.(type) {
	case nil:
		return fmt.Errorf("hlc: NULL is no timestamp; scan it into a sql.Null[hlc.%s]", column)
	case float64:
		return fmt.Errorf("hlc: a float64 has lost digits of a timestamp; %s needs another type of column", column)
	}
	return fmt.Errorf("hlc: %s cannot scan a %T; use the type that belongs to the column", column, src)
}

// unless is v, or nothing beside an error.
func unless[T any](v T, err error) (driver.Value, error) {
	if err != nil {
		return nil, err
	}
	return v, nil
}
