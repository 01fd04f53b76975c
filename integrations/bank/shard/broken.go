package shard

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/integrations/bank/wire"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// Here is everything that is wrong on purpose.

// dieIf ends the process at once, as a kill does, if it is to die here.
func (s *Shard) dieIf(here Break) {
	if s.config.Break == here {
		s.exit(9)
	}
}

// narrowed claims a tenth of the uncertainty, around the same middle.
func narrowed(b truetime.Bound) truetime.Bound {
	now, err := b.Interval(b.At)
	if err != nil {
		return b // there is none
	}
	shrink := int64(now.Uncertainty()) * 9 / 10
	b.Earliest = truetime.Line{At: b.At.Nanos, Nanos: now.EarliestUnixNano() + shrink, SlopePPB: b.Earliest.SlopePPB}
	b.Latest = truetime.Line{At: b.At.Nanos, Nanos: now.LatestUnixNano() - shrink, SlopePPB: b.Latest.SlopePPB}
	b.Generation = truetime.NewGeneration() // else its own past would disprove it
	return b
}

// commitBroken commits as the mutants do. done is false if there is none.
func (t *transaction) commitBroken(ctx context.Context) (_ wire.Outcome, done bool, _ error) {
	floors := t.votes
	switch t.s.config.Break {
	case LowStamp:
		t.votes = nil
		return wire.Outcome{}, false, nil
	case NoWait, AckFirst:
	default:
		return wire.Outcome{}, false, nil
	}
	p, err := t.s.committer.Assign(ctx, floors...)
	if err != nil {
		t.abort()
		return wire.Outcome{Why: fmt.Sprintf("clock: %v", err)}, true, nil
	}
	if t.s.config.Break == AckFirst {
		err = t.s.clock.WaitUntilAfter(ctx, p.TS().Time())
		t.s.work.Go(func() {
			time.Sleep(300 * time.Millisecond)
			_ = p.Run(t.s.ctx, t.decide)
			t.finish(p.TS())
		})
		return t.outcome(p.TS()), true, err
	}
	durable := make(chan struct{})
	t.s.work.Go(func() {
		_ = p.Run(t.s.ctx, func(ctx context.Context, ts hlc.Timestamp) error {
			defer close(durable)
			return t.decide(ctx, ts)
		})
	})
	<-durable
	t.finish(p.TS())
	return t.outcome(p.TS()), true, nil
}

// landBroken lands as the mutants do. It is false if there is none.
func (s *Shard) landBroken(ctx context.Context, v *vote, ts hlc.Timestamp, apply func(context.Context, hlc.Timestamp) error) (bool, error) {
	switch s.config.Break {
	case LandFirst:
		_ = v.prepared.Abort()
		time.Sleep(5 * time.Millisecond)
		return true, apply(ctx, ts)
	case LowStamp:
		var below *commitwait.DecisionError
		err := v.prepared.Commit(ctx, ts, apply)
		if errors.As(err, &below) {
			err = errors.Join(apply(ctx, ts), v.prepared.Abort())
		}
		return true, err
	}
	return false, nil
}
