package hlc

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

// FuzzTimestampText: whatever bytes come, what parses gives the same bytes again, but for a
// zero logical part that was left out, and an error is a ParseError with an
// offset within the input.
func FuzzTimestampText(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.form["text"])
		f.Add(v.form["decimal"])
		f.Add(v.form["sortable"])
		f.Add(v.form["text"] + "@node-a")
	}
	f.Add("1790000000.123456789")
	f.Add("1790000000123456789")
	omitted := map[string]string{"text": ",0", "decimal": ".0000000000", "sortable": ""}
	f.Fuzz(func(t *testing.T, text string) {
		for _, form := range forms[:3] {
			ts, err := form.decode(text)
			if err != nil {
				checkOffset(t, text, err)
				continue
			}
			again, err := form.encode(ts)
			if err != nil || again != text && again != text+omitted[form.name] {
				t.Fatalf("%s: %q became %q, %v", form.name, text, again, err)
			}
		}
		stamp, err := ParseStamp(text)
		if err != nil {
			checkOffset(t, text, err)
		} else if again := stamp.String(); again != text && strings.Replace(again, ",0@", "@", 1) != text {
			t.Fatalf("stamp: %q became %q", text, again)
		}
	})
}

// FuzzTimestampBinary: what parses gives the same bytes again, and two that parse sort as
// their timestamps do.
func FuzzTimestampBinary(f *testing.F) {
	for _, v := range vectors(f) {
		a, _ := hex.DecodeString(v.form["binary"])
		b, _ := hex.DecodeString(v.form["descending"])
		f.Add(a, b)
		f.Add(a, a)
		f.Add(b, b)
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		for _, form := range forms[3:] {
			x, errX := form.parse(a)
			y, errY := form.parse(b)
			if errX != nil {
				checkOffset(t, string(a), errX)
				continue
			}
			if again, err := form.append(x, nil); err != nil || !bytes.Equal(a, again) {
				t.Fatalf("%s: %x became %x, %v", form.name, a, again, err)
			}
			order := bytes.Compare(a, b)
			if form.name == "descending" {
				order = -order
			}
			if errY == nil && order != x.Compare(y) {
				t.Fatalf("%s: %x and %x sort otherwise than %v and %v", form.name, a, b, x, y)
			}
		}
	})
}

// FuzzLayout: for any layout, packing never panics, never goes down, and comes back.
func FuzzLayout(f *testing.F) {
	for _, l := range Layouts() {
		f.Add(l.epoch, int64(l.ticks), int64(l.nanos), int(l.logicalBits), int64(1_790_000_000_123_456_789), uint32(4096), uint64(7_331_840_000_505_679_872))
	}
	f.Fuzz(func(t *testing.T, epoch, ticks, nanos int64, logicalBits int, wall int64, logical uint32, packed uint64) {
		l, err := NewLayout(LayoutOptions{Name: "fuzzed", Epoch: epoch, Ticks: ticks, Nanos: nanos, LogicalBits: logicalBits})
		if err != nil {
			return
		}
		ts := Timestamp{wall, logical}
		if up, err := l.Round(ts); err == nil {
			if up.Before(ts) || !l.Fits(up) {
				t.Fatalf("%v was rounded to %v", ts, up)
			}
		} else if wall >= epoch && !ts.After(l.Max()) {
			t.Fatalf("%v is of the layout, but: %v", ts, err)
		}
		if ts, err := l.Unpack(packed); err == nil {
			if again, err := l.Pack(ts); err != nil || again != packed {
				t.Fatalf("%d became %d, %v", packed, again, err)
			}
		}
	})
}

func checkOffset(t *testing.T, input string, err error) {
	t.Helper()
	if bad, ok := err.(*ParseError); !ok || bad.Offset < 0 || bad.Offset > len(input) || bad.Input != input || bad.Problem == "" {
		t.Fatalf("%q: %#v", input, err)
	}
}
