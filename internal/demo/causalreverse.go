package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/internal/history"
)

const (
	rounds  = 10 // of T1 and T2, with each kind of clocks
	readers = 4  // in each; the last begins when T2 was acknowledged
)

// causalReverse: T2 begins on shard 2 after T1 was acknowledged on shard 1, so who sees T2 must see T1: the deposit before
// what was bought with it, the post before the reply. Each shard has its own data and its own clock.
func causalReverse(ctx context.Context, s *stage) error {
	s.say("   T1 is acknowledged on shard 1, then T2 begins on shard 2. %d rounds, in each %d readers of both shards at one timestamp.\n", rounds, readers)
	measured, err := s.measured(ctx)
	if err != nil {
		return err
	}
	t := newTable("CLOCKS", "WAIT", "SAW T2 WITHOUT T1", "FIRST TIME")
	defer t.print(s)
	for _, c := range []clocks{s.corner(), s.anywhere(s.random(2)), measured} {
		for _, wait := range []bool{false, true} {
			if err := s.reverseRow(ctx, t, c, wait); err != nil {
				return err
			}
		}
	}
	return s.reverseRow(ctx, t, s.lying(), true)
}

func (s *stage) reverseRow(ctx context.Context, t *table, c clocks, wait bool) error {
	random := s.random(3)
	var found []history.Anomaly
	for range rounds {
		ops, err := s.reverseRound(ctx, c, s.rules.waiting(wait), random)
		if err != nil {
			return err
		}
		found = append(found, history.CausalReverse(ops)...) // at most one per reader
		if all := history.All(ops); wait && c.honest && len(all) > 0 {
			return fmt.Errorf("with the wait, clocks %s: %v", c.name, all[0])
		}
	}
	t.row(c.name, yesNo(wait), outOf(len(found), rounds*readers), firstReverse(found))
	return judge(c, wait, len(found), "a reader of T2 without T1")
}

// firstReverse tells the first anomaly in numbers.
func firstReverse(found []history.Anomaly) string {
	if len(found) == 0 {
		return "-"
	}
	t1, t2, reader := found[0].Ops[0], found[0].Ops[1], found[0].Ops[2]
	after := func(ts hlc.Timestamp) string { return beforeOrAfter(time.Duration(ts.WallTime - t1.TS.WallTime)) }
	return fmt.Sprintf("T2 is stamped %s T1, the read %s it", after(t2.TS), after(reader.TS))
}

// reverseRound runs T1, then T2, then a reader, and beside them readers that begin at any moment. The readers' timestamps are of
// shard 2's clock.
func (s *stage) reverseRound(ctx context.Context, c clocks, r rule, random *rand.Rand) ([]history.Op, error) {
	one, two, err := c.next(ctx)
	if err != nil {
		return nil, err
	}
	shard1, err := s.newNode("shard 1", one, newStore())
	if err != nil {
		return nil, err
	}
	shard2, err := s.newNode("shard 2", two, newStore())
	if err != nil {
		return nil, err
	}
	o := s.newObserver()
	read := func(ctx context.Context, client int) error {
		return o.take(client, func(op *history.Op) (err error) {
			op.TS, err = shard2.snapshot(ctx, r, shard1, shard2)
			op.Reads = map[string]int64{"T1": shard1.data.read(op.TS, "T1"), "T2": shard2.data.read(op.TS, "T2")}
			return err
		})
	}
	all := []func(context.Context) error{func(ctx context.Context) error {
		if err := o.write(ctx, 0, shard1, r, "T1", 1); err != nil {
			return err
		}
		if err := o.write(ctx, 0, shard2, r, "T2", 1); err != nil {
			return err
		}
		return read(ctx, 0)
	}}
	for reader := 1; reader < readers; reader++ {
		delay := time.Duration(random.Int64N(int64(4 * ε)))
		all = append(all, func(ctx context.Context) error {
			if err := sleep(ctx, delay); err != nil {
				return err
			}
			return read(ctx, reader)
		})
	}
	err = together(ctx, all...)
	return o.ops, err
}
