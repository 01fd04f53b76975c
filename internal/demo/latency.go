package demo

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// latency shows what the wait costs beside a replication: all of it if it comes before, and less, down to
// nothing, if it runs side by side.
func (s *stage) latency(ctx context.Context) error {
	const times = 3
	clock, err := s.clock(0)
	if err != nil {
		return err
	}
	n, err := s.newNode("", clock, nil)
	if err != nil {
		return err
	}
	s.say("   What the wait costs, ±%v on the clock. Order A waits and then replicates, order B does both at once; medians of %d.\n", ε, times)
	t := newTable("REPLICATION", "ORDER", "WAIT PREDICTED", "WAITED", "TOTAL", "ADDED BY THE WAIT")
	defer t.print(s)
	for _, replication := range []time.Duration{0, ε, 3 * ε} {
		for _, order := range []string{"A", "B"} {
			var costs []commitwait.CommitStats
			for range times {
				commit := n.waitThenReplicate
				if order == "B" {
					commit = n.replicateMeanwhile
				}
				if err := commit(ctx, replication); err != nil {
					return err
				}
				costs = append(costs, *n.cost.Load())
			}
			total := median(costs, func(c commitwait.CommitStats) time.Duration { return c.Took })
			t.row(ms(replication), order, ms(median(costs, func(c commitwait.CommitStats) time.Duration { return c.Predicted })),
				ms(median(costs, func(c commitwait.CommitStats) time.Duration { return c.Waited })), ms(total), ms(max(0, total-replication)))
		}
	}
	return nil
}

func (n *node) waitThenReplicate(ctx context.Context, replication time.Duration) error {
	_, err := n.committer.Commit(ctx, func(ctx context.Context, _ hlc.Timestamp) error { return sleep(ctx, replication) })
	return err
}

// replicateMeanwhile checks that a replication that takes longer than the wait leaves nothing of it.
func (n *node) replicateMeanwhile(ctx context.Context, replication time.Duration) error {
	p, err := n.committer.Assign(ctx)
	if err != nil {
		return err
	}
	return p.Run(ctx, func(ctx context.Context, ts hlc.Timestamp) error {
		if err := sleep(ctx, replication); err != nil {
			return err
		}
		left, err := n.clock.UntilAfter(ts.Time())
		if err == nil && replication > 2*ε && left > 0 {
			return fmt.Errorf("after a replication of %v the wait should be over, and %v are left", replication, left)
		}
		return err
	})
}

func median[T any](all []T, of func(T) time.Duration) time.Duration {
	var values []time.Duration
	for _, one := range all {
		values = append(values, of(one))
	}
	slices.Sort(values)
	return values[len(values)/2]
}
