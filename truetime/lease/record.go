package lease

import (
	"fmt"
	"math"
	"time"

	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/fencing"
)

// Record is what a store keeps of a lease. It is comparable; no two that a lease ever had are equal, since the token
// rises with each grant and the expiry with each renewal. The zero Record is a lease that nobody ever had.
//
// The token is one more than that of the grant before, and not below the latest possible true time at the grant, in unix nanoseconds.
// So it rises also if a store has lost the record, once the clocks' uncertainty has passed since the last grant; a mere count would begin
// again, and two grants have one token.
type Record struct {
	Holder      string        // Options.Holder; "" when it was given back
	Incarnation uint64        // of this grant: random, since a name may come twice
	Token       fencing.Token // of this grant
	Expiry      int64         // unix ns of true time
}

// heldAt is the rule of the holder: it is surely not over yet.
func (r Record) heldAt(now truetime.Interval) bool { return now.LatestUnixNano() < r.Expiry }

// overAt is the rule of whoever grants it next: it is surely over, or was given back.
func (r Record) overAt(now truetime.Interval) bool {
	return r.Holder == "" || now.EarliestUnixNano() > r.Expiry
}

// granted returns the record of a new grant after r. It does not ask whether r is over.
func (r Record) granted(now truetime.Interval, holder string, incarnation uint64, ttl time.Duration) (Record, error) {
	if r.Token == math.MaxUint64 {
		return Record{}, ErrExhausted
	}
	token := max(r.Token+1, fencing.Token(max(0, now.LatestUnixNano())))
	return Record{Holder: holder, Incarnation: incarnation, Token: token, Expiry: math.MinInt64}.renewed(now, ttl)
}

// renewed returns r with an expiry that is ttl after the earliest possible true time: nobody is kept out for longer than that,
// however little the holder's clock knows. What it does not know comes off the time in which the holder may act, so that must not be most of it.
func (r Record) renewed(now truetime.Interval, ttl time.Duration) (Record, error) {
	if now.Width() > ttl/2 {
		return Record{}, &UncertaintyError{Width: now.Width(), TTL: ttl}
	}
	if now.EarliestUnixNano() > math.MaxInt64-int64(ttl) {
		return Record{}, truetime.ErrOutOfRange
	}
	r.Expiry = max(r.Expiry, now.EarliestUnixNano()+int64(ttl))
	return r, nil
}

// released returns what is left when it was given back: the token, for the next one to be above.
func (r Record) released() Record { return Record{Token: r.Token} }

// String is the text form, for stores that keep text: "lease1 34 1790000000000000000 0123456789abcdef \"node-1\"".
func (r Record) String() string {
	return fmt.Sprintf("lease1 %d %d %016x %q", uint64(r.Token), r.Expiry, r.Incarnation, r.Holder)
}

// ParseRecord reads what String returns and nothing else. The error is a [*ParseError].
func ParseRecord(s string) (Record, error) {
	var r Record
	var token uint64
	if n, err := fmt.Sscanf(s, "lease1 %d %d %x %q", &token, &r.Expiry, &r.Incarnation, &r.Holder); n != 4 || err != nil {
		return Record{}, &ParseError{Text: s[:min(len(s), 64)]}
	}
	r.Token = fencing.Token(token)
	if r.String() != s {
		return Record{}, &ParseError{Text: s[:min(len(s), 64)]}
	}
	return r, nil
}
