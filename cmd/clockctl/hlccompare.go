package main

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/spf13/cobra"

	"github.com/trueclock/trueclock/hlc"
)

func newHLCCompare(s streams) *cobra.Command {
	var f hlcFlags
	cmd := &cobra.Command{
		Use:   "compare A B",
		Short: "Say whether A is before, equal to or after B",
		Long: `compare prints before, equal or after, and by how much. Each of the two may have
another form:
` + hlcForms + `
Before means the lower timestamp: an effect is never before its cause. It does not
mean that A happened earlier in real time.

Exit codes: 0 both are timestamps, whatever their order; 1 one is not; 64 usage.`,
		Example: `  clockctl hlc compare 1790000000.123456789,7 1790000000123456789.0000000008
  clockctl hlc compare --layout tikv -o json 469237760032178176 1790000000.123456789,7`,
	}
	f.add(cmd, true)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		layout, err := f.check(cmd)
		if err == nil && len(args) != 2 {
			err = &usageError{errors.New("two timestamps are compared: clockctl hlc compare A B")}
		}
		if err != nil {
			return f.failed(cmd, s, err)
		}
		a, formA, err := readTimestamp(args[0], layout)
		if err != nil {
			return f.failed(cmd, s, err)
		}
		b, formB, err := readTimestamp(args[1], layout)
		if err != nil {
			return f.failed(cmd, s, err)
		}
		if f.output != "json" {
			_, err := fmt.Fprintln(s.out, humanOrder(a, b))
			return err
		}
		o := comparedJSON{Schema: schema, Order: ptr(order(a, b)), A: ptr(readJSON(args[0], formA, a, nil)), B: ptr(readJSON(args[1], formB, b, nil))}
		o.Difference, o.LogicalDifference = wallDifference(a, b), ptr(int64(b.Logical)-int64(a.Logical))
		return writeJSON(s.out, o)
	}
	return cmd
}

func order(a, b hlc.Timestamp) string { return []string{"before", "equal", "after"}[a.Compare(b)+1] }

// wallDifference is b − a in ns, or nil if that is more than 292 years.
func wallDifference(a, b hlc.Timestamp) *int64 {
	d := b.WallTime - a.WallTime
	if d < 0 != (b.WallTime < a.WallTime) || d == math.MinInt64 {
		return nil
	}
	return &d
}

// humanOrder begins with the word for scripts.
func humanOrder(a, b hlc.Timestamp) string {
	switch d := wallDifference(a, b); {
	case a == b:
		return "equal"
	case d == nil:
		return order(a, b) + ": the wall times are more than 292 years apart"
	case *d > 0:
		return fmt.Sprintf("before: A is %s (%d ns) lower than B", humanDuration(time.Duration(*d)), *d)
	case *d < 0:
		return fmt.Sprintf("after: A is %s (%d ns) higher than B", humanDuration(time.Duration(-*d)), -*d)
	case a.Logical < b.Logical:
		return fmt.Sprintf("before: the same wall time, and the logical part of A is %d lower", b.Logical-a.Logical)
	}
	return fmt.Sprintf("after: the same wall time, and the logical part of A is %d higher", a.Logical-b.Logical)
}
