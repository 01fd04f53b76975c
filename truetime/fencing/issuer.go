package fencing

import (
	"context"
	"errors"
	"fmt"

	"github.com/trueclock/trueclock/hlc"
)

// Issuer makes tokens of the timestamps of an hlc.Durable: each is higher than all before, those before a restart
// included. It is for whoever grants leases without a store that counts; truetime/lease needs none.
//
// HAZARD: there may be one issuer of the tokens of a resource. Two clocks, on two machines, give timestamps that are not in the order of
// real time, and may give the same one.
type Issuer struct {
	clock  *hlc.Durable
	layout hlc.Layout
}

// NewIssuer returns one. The clock under the Durable must have the same Layout (hlc.Options.Layout), so that two of its
// timestamps never are one token.
func NewIssuer(clock *hlc.Durable, layout hlc.Layout) (*Issuer, error) {
	if clock == nil || layout == (hlc.Layout{}) {
		return nil, errors.New("fencing: NewIssuer needs a clock and its layout")
	}
	return &Issuer{clock: clock, layout: layout}, nil
}

// Issue returns a token above all that this issuer, or one before it on the same directory, has returned. Errors:
// those of hlc.Durable.Now, and one if the clock has another layout.
func (i *Issuer) Issue(ctx context.Context) (Token, error) {
	ts, err := i.clock.Now(ctx)
	if err != nil {
		return 0, err
	}
	packed, err := i.layout.Pack(ts)
	if err != nil {
		return 0, err
	}
	if packed == 0 || !i.layout.Fits(ts) { // rounded up, it could be the token of the next one
		return 0, fmt.Errorf("fencing: %v is not a timestamp of layout %v; has the clock another one?", ts, i.layout)
	}
	return Token(packed), nil
}
