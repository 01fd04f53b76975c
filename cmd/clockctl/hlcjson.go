package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/trueclock/trueclock/hlc"
)

// timestampsJSON is the object of hlc now and hlc parse.
type timestampsJSON struct {
	Schema     string          `json:"schema"`
	Timestamps []timestampJSON `json:"timestamps"`
	Error      *errorJSON      `json:"error,omitempty"` // of the first that is none
}

// comparedJSON is the object of hlc compare. The differences are B − A.
type comparedJSON struct {
	Schema            string         `json:"schema"`
	Order             *string        `json:"order"`         // of A: before, equal, after
	Difference        *int64         `json:"difference_ns"` // null beyond 292 years
	LogicalDifference *int64         `json:"logical_difference"`
	A                 *timestampJSON `json:"a"`
	B                 *timestampJSON `json:"b"`
	Error             *errorJSON     `json:"error,omitempty"`
}

// timestampJSON always has all its keys but error; null is unknown, or a form that
// cannot hold it. Whatever may exceed 2^53 is a string.
type timestampJSON struct {
	Input      *string               `json:"input"` // null for hlc now
	Form       *string               `json:"form"`  // of input
	Time       *string               `json:"time"`
	Logical    *uint32               `json:"logical"`
	Text       *string               `json:"text"`
	Decimal    *string               `json:"decimal"`
	Sortable   *string               `json:"sortable"`
	Binary     *string               `json:"binary"`
	Descending *string               `json:"descending"`
	Packed     map[string]packedJSON `json:"packed"`
	Error      *errorJSON            `json:"error,omitempty"`

	value hlc.Timestamp
}

type packedJSON struct {
	Value    *string `json:"value"`       // null if the layout cannot hold it
	Rounding *int64  `json:"rounding_ns"` // 0 is exact
}

func newTimestampJSON(ts hlc.Timestamp) timestampJSON {
	o := timestampJSON{Time: ptr(jsonTime(ts.Time())), Logical: &ts.Logical, Packed: map[string]packedJSON{}, value: ts}
	places := map[string]**string{"text": &o.Text, "decimal": &o.Decimal, "sortable": &o.Sortable, "binary": &o.Binary, "descending": &o.Descending}
	for _, w := range forms(ts) {
		if w.refused == nil {
			*places[w.form] = &w.text
		}
	}
	for _, w := range packedForms(ts) {
		p := packedJSON{}
		if w.refused == nil {
			p = packedJSON{Value: &w.text, Rounding: ns(w.rounding)}
		}
		o.Packed[w.form] = p
	}
	return o
}

// readJSON is a timestamp that was read, or why it could not be.
func readJSON(input, form string, ts hlc.Timestamp, err error) timestampJSON {
	if err != nil {
		return timestampJSON{Input: &input, Error: newErrorJSON(err)}
	}
	o := newTimestampJSON(ts)
	o.Input, o.Form = &input, &form
	return o
}

// failedHLCJSON is the object of a subcommand of hlc that could not do its work.
func failedHLCJSON(cmd *cobra.Command, err error) any {
	e := newErrorJSON(err)
	if e == nil {
		e = &errorJSON{Code: "internal", Message: firstLine(err)}
		if usage := new(usageError); errors.As(err, &usage) {
			e.Code = "usage"
		}
	}
	if cmd.Name() == "compare" {
		return comparedJSON{Schema: schema, Error: e}
	}
	return timestampsJSON{Schema: schema, Timestamps: []timestampJSON{}, Error: e}
}
