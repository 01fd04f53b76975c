package demo

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// table is printed, indented and aligned, when all its rows are known, or when the lesson has failed.
type table struct {
	text strings.Builder
	w    *tabwriter.Writer
}

func newTable(columns ...string) *table {
	t := &table{}
	t.w = tabwriter.NewWriter(&t.text, 0, 0, 2, ' ', 0)
	t.row(columns...)
	return t
}

func (t *table) row(cells ...string) {
	_, _ = fmt.Fprintln(t.w, "   "+strings.Join(cells, "\t")) // into memory
}

func (t *table) print(s *stage) {
	_ = t.w.Flush()
	for line := range strings.Lines(t.text.String()) {
		s.say("%s", strings.TrimRight(line, " \n"))
	}
	s.say("")
}

// ms writes every duration of a table in the same unit.
func ms(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond)) }

func outOf(n, all int) string { return fmt.Sprintf("%d of %d", n, all) }

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// beforeOrAfter says where a moment lies that is d after another.
func beforeOrAfter(d time.Duration) string {
	if d < 0 {
		return ms(-d) + " before"
	}
	return ms(d) + " after"
}
