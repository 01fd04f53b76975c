package history

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/trueclock/trueclock/hlc"
)

// Op is one transaction as its client saw it.
type Op struct {
	Client int // does one thing after the other, except for what is of unknown outcome

	// Invoked is when the client asked, Returned when it had the answer, both on
	// the one clock of the observer. Returned < 0 means that the outcome is unknown: it
	// may have happened at any time after Invoked, or never.
	Invoked, Returned time.Duration

	// TS is the commit timestamp, or that of the snapshot; zero if the client does not know it.
	TS hlc.Timestamp

	// Writes and Reads go from key to value. Each value is written once per key. 0 is what is read where nothing is.
	Writes, Reads map[string]int64
}

func (o Op) known() bool  { return o.Returned >= 0 }
func (o Op) writes() bool { return len(o.Writes) > 0 }

// String returns o in one line.
func (o Op) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "client %d  [%v, ", o.Client, o.Invoked)
	if o.known() {
		fmt.Fprintf(&b, "%v]", o.Returned)
	} else {
		b.WriteString("?]")
	}
	if !o.TS.IsZero() {
		fmt.Fprintf(&b, "  @%v", o.TS)
	}
	b.WriteString(values("  read", o.Reads))
	b.WriteString(values("  wrote", o.Writes))
	return b.String()
}

// values lists m by its keys.
func values(verb string, m map[string]int64) string {
	if len(m) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(verb)
	for _, key := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(&b, " %s=%d", key, m[key])
	}
	return b.String()
}

// Anomaly is a proof that the history is wrong.
type Anomaly struct {
	Kind string // the name of the function that found it, in words
	Ops  []Op   // who is in it, in the order in which Why speaks of them
	Why  string
}

// String returns a line that says what is wrong, and one per transaction, up to Limit.
func (a Anomaly) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", a.Kind, a.Why)
	for i, op := range a.Ops {
		if i == Limit {
			fmt.Fprintf(&b, "\n  and %d more", len(a.Ops)-i)
			break
		}
		fmt.Fprintf(&b, "\n  T%d  %v", i+1, op)
	}
	return b.String()
}
