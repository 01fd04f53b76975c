package hlchttp

import (
	"context"

	"github.com/trueclock/trueclock/hlc"
)

// Clock is what stamps: an *hlc.Durable as it is, or [Plain] of an *hlc.Clock. It must be
// safe for concurrent use, and never returns the zero Timestamp without an error.
//
// A refusal of the remote timestamp is one of hlc's: ErrUnset, ErrExhausted,
// *TooFarAheadError, *LogicalTooHighError, *NoLatestError. Every other error says that the
// clock itself has failed.
type Clock interface {
	Now(context.Context) (hlc.Timestamp, error)
	UpdateFrom(ctx context.Context, peer string, remote hlc.Timestamp) (hlc.Timestamp, error)
}

// Plain returns clock as a Clock, which never waits. Now returns hlc.ErrExhausted at the end
// of the range. Plain(nil) is nil, which Server and Transport refuse.
func Plain(clock *hlc.Clock) Clock {
	if clock == nil {
		return nil
	}
	return plain{clock}
}

type plain struct{ clock *hlc.Clock }

func (p plain) Now(context.Context) (hlc.Timestamp, error) {
	ts := p.clock.Now()
	if ts.IsZero() {
		return ts, hlc.ErrExhausted
	}
	return ts, nil
}

func (p plain) UpdateFrom(_ context.Context, peer string, remote hlc.Timestamp) (hlc.Timestamp, error) {
	return p.clock.UpdateFrom(peer, remote)
}
