package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// ε is the uncertainty that the clocks of the lessons about commits claim.
const ε = 5 * time.Millisecond

// rule says which parts of commit-wait a run keeps, to see what each is for.
type rule struct {
	wait  bool // nobody sees a commit before its timestamp has certainly passed
	floor bool // a reader closes its timestamp: no commit is assigned at or below it any more
	block bool // and then waits for the commits in flight at or below it
}

// rules are the whole rule and what is left of it without a part. Tests exchange them, to see the lessons fail.
type rules struct{ whole, noWait, noBlock, noFloor rule }

var allRules = rules{
	whole:   rule{wait: true, floor: true, block: true},
	noWait:  rule{floor: true, block: true},
	noBlock: rule{wait: true, floor: true},
	noFloor: rule{wait: true}, // the lesson about it reads when nothing is in flight
}

// waiting returns the rule with the wait or without.
func (r rules) waiting(wait bool) rule {
	if wait {
		return r.whole
	}
	return r.noWait
}

// node is a machine: a clock, what it commits with, and the data that it owns.
type node struct {
	name      string
	clock     *truetime.Clock
	committer *commitwait.Committer
	data      *store
	cost      atomic.Pointer[commitwait.CommitStats] // of the last commit
}

// newNode makes a node, whose committer is closed with the stage.
func (s *stage) newNode(name string, clock *truetime.Clock, data *store) (*node, error) {
	n := &node{name: name, clock: clock, data: data}
	committer, err := commitwait.New(clock, nil, commitwait.Options{
		MaxWait: 5 * time.Second, OnCommit: func(c commitwait.CommitStats) { n.cost.Store(&c) },
	})
	if err != nil {
		return nil, err
	}
	n.committer = committer
	s.closers = append(s.closers, committer.Close)
	return n, nil
}

// commit applies a transaction at a timestamp and acknowledges it by returning. Without the wait it takes
// the same timestamp and does not wait for it.
func (n *node) commit(ctx context.Context, r rule, apply func(hlc.Timestamp) error) (hlc.Timestamp, error) {
	if r.wait {
		return n.committer.Commit(ctx, func(_ context.Context, ts hlc.Timestamp) error { return apply(ts) })
	}
	p, err := n.committer.Assign(ctx)
	if err != nil {
		return hlc.Timestamp{}, err
	}
	err = apply(p.TS())
	_ = p.Abort() // it is not in flight any more
	return p.TS(), err
}

// snapshot returns a timestamp for reading the shards: this node's latest possible time, at which each of
// them is safe as far as the rule goes.
func (n *node) snapshot(ctx context.Context, r rule, shards ...*node) (hlc.Timestamp, error) {
	now, err := n.clock.Now()
	if err != nil {
		return hlc.Timestamp{}, err
	}
	ts := hlc.Timestamp{WallTime: now.LatestUnixNano()}
	for _, shard := range shards {
		switch {
		case r.floor && r.block:
			err = shard.committer.WaitSafe(ctx, ts)
		case r.floor:
			_, err = shard.committer.CloseTo(ctx, ts)
		}
		if err != nil {
			return hlc.Timestamp{}, err
		}
	}
	return ts, nil
}

// clocks are those of two nodes of which the first commits first.
type clocks struct {
	name   string
	honest bool // their intervals contain the true time
	sure   bool // what goes wrong with them does so for certain, and not by chance
	next   func(context.Context) (first, second *truetime.Clock, err error)
}

// leaning makes two clocks that claim ±ε and are wrong by what lean returns.
func (s *stage) leaning(name string, lean func() (first, second time.Duration)) clocks {
	return clocks{name, true, true, func(context.Context) (first, second *truetime.Clock, err error) {
		one, two := lean()
		if first, err = s.clock(one); err != nil {
			return nil, nil, err
		}
		second, err = s.clock(two)
		return first, second, err
	}}
}

// corner: one clock is as far ahead as it may be, the other as far behind. It decides at once what others
// decide by chance.
func (s *stage) corner() clocks {
	return s.leaning(fmt.Sprintf("wrong by +%v and -%v", ε, ε), func() (_, _ time.Duration) { return ε, -ε })
}

// anywhere: each clock is wrong by anything that it admits.
func (s *stage) anywhere(random *rand.Rand) clocks {
	draw := func() time.Duration { return time.Duration(random.Int64N(2*int64(ε)+1)) - ε }
	c := s.leaning(fmt.Sprintf("wrong by anything up to %v", ε), func() (_, _ time.Duration) { return draw(), draw() })
	c.sure = false
	return c
}

// lying: the clocks claim a tenth of what they are wrong by.
func (s *stage) lying() clocks {
	c := s.leaning(fmt.Sprintf("wrong by ±%v, claim ±%v", s.falsehood*ε, ε), func() (_, _ time.Duration) { return s.falsehood * ε, -s.falsehood * ε })
	c.honest = false
	return c
}

// measured: the first node asks one server of the fleet, to which the way is long, the second asks all. Both
// intervals are true, and the latest of the first is later; on a machine that is busy with something else it may not be by enough
// to be sure of.
func (s *stage) measured(ctx context.Context) (clocks, error) {
	one, err := s.measureFar(ctx)
	if err != nil {
		return clocks{}, err
	}
	all, err := s.measure(ctx)
	if err != nil {
		return clocks{}, err
	}
	now, err := s.local.Read()
	if err != nil {
		return clocks{}, err
	}
	far, err := one.Bound.Interval(now)
	if err != nil {
		return clocks{}, err
	}
	near, err := all.Bound.Interval(now)
	if err != nil {
		return clocks{}, err
	}
	later := far.Latest().Sub(near.Latest())
	return clocks{"measured on the fleet", true, later > time.Millisecond, func(context.Context) (first, second *truetime.Clock, err error) {
		first, second = truetime.New(s.local, truetime.Options{}), truetime.New(s.local, truetime.Options{})
		if err := first.Update(one.Bound, nil); err != nil {
			return nil, nil, err
		}
		return first, second, second.Update(all.Bound, nil)
	}}, nil
}

// clock returns one whose interval is the true time + lean ± ε.
func (s *stage) clock(lean time.Duration) (*truetime.Clock, error) {
	r, err := s.local.Read()
	if err != nil {
		return nil, err
	}
	middle := s.trueAt(r) + int64(lean)
	clock := truetime.New(s.local, truetime.Options{})
	return clock, clock.Update(truetime.Bound{
		At:       r,
		Earliest: truetime.Line{At: r.Nanos, Nanos: middle - int64(ε)},
		Latest:   truetime.Line{At: r.Nanos, Nanos: middle + int64(ε)},
		Expires:  r.Nanos + int64(time.Minute),
	}, nil)
}

// random returns the draws of one purpose, the same for the same seed.
func (s *stage) random(purpose uint64) *rand.Rand {
	return rand.New(rand.NewPCG(s.options.Seed, purpose))
}
