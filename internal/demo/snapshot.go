package demo

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/trueclock/trueclock/internal/history"
)

const (
	staged    = 8  // times that each thing that can go wrong is staged
	tellers   = 3  // clients that transfer
	transfers = 10 // of each
	auditors  = 3  // clients that add the accounts up
	audits    = 12 // of each
)

// snapshot: a bank over three nodes. Money moves between them and neither comes nor goes, so the total at one timestamp is always
// the same; and whoever reads at that timestamp again must read the same.
func snapshot(ctx context.Context, s *stage) error {
	s.say("   A bank on 3 nodes with clocks wrong by +%v, -%v and -%v: %d accounts of %d, and money that moves from node to node.\n", ε, ε, ε, 3*perNode, opening)
	t := newTable("READERS", "READS", "WRONG TOTAL", "CHANGED LATER", "FIRST TIME")
	defer t.print(s)
	for _, row := range []struct {
		name          string
		rule          rule
		play          []func(*bank, context.Context) error
		torn, changed bool // what must go wrong: the total, what is read at the same timestamp later
	}{
		{"do not wait for what is in flight", s.rules.noBlock, []func(*bank, context.Context) error{(*bank).auditHalfWay, (*bank).anything}, true, false},
		{"do not close what they read", s.rules.noFloor, []func(*bank, context.Context) error{(*bank).auditThenTransfer}, false, true},
		{"do both: the safe time", s.rules.whole, []func(*bank, context.Context) error{(*bank).auditHalfWay, (*bank).auditThenTransfer, (*bank).anything}, false, false},
	} {
		b, err := s.newBank(row.rule)
		if err != nil {
			return err
		}
		for _, play := range row.play {
			if err := play(b, ctx); err != nil {
				return err
			}
		}
		v := b.verdict()
		t.row(row.name, fmt.Sprint(v.reads), outOf(v.torn, v.reads), outOf(v.changed, v.reads), v.example)
		switch {
		case row.torn && v.torn == 0:
			return fmt.Errorf("readers %s, and no total was wrong", row.name)
		case row.changed && v.changed == 0:
			return fmt.Errorf("readers %s, and nothing changed", row.name)
		case row.torn || row.changed:
			continue
		case v.torn+v.changed > 0:
			return fmt.Errorf("readers %s: %d had a wrong total, and %d would read something else now", row.name, v.torn, v.changed)
		}
		if found := history.All(b.ops); len(found) > 0 {
			return fmt.Errorf("readers %s: %v", row.name, found[0])
		}
	}
	return nil
}

func (s *stage) newBank(r rule) (*bank, error) {
	b := &bank{observer: s.newObserver(), rule: r}
	for i, lean := range []time.Duration{+ε, -ε, -ε} {
		clock, err := s.clock(lean)
		if err != nil {
			return nil, err
		}
		n, err := s.newNode(fmt.Sprintf("node %d", i+1), clock, newStore())
		if err != nil {
			return nil, err
		}
		b.nodes = append(b.nodes, n)
	}
	b.open()
	return b, nil
}

// of returns the first account of a node, 1 to 3.
func (b *bank) of(n int) *account { return b.accounts[(n-1)*perNode] }

// auditHalfWay has an auditor begin when node 1 has its half of a transfer and node 2, whose clock is behind, is still to get its own. It
// has some time for an answer, and if it does not use it, the transfer goes on.
func (b *bank) auditHalfWay(ctx context.Context) error {
	for range staged {
		begin := make(chan struct{})
		err := together(ctx, func(ctx context.Context) error {
			return b.transfer(ctx, 0, b.of(2), b.of(1), func() {
				close(begin)
				_ = sleep(ctx, ε) // its end ends the rest, too
			})
		}, func(ctx context.Context) error {
			select {
			case <-begin:
				return b.audit(ctx, 1, b.nodes[0])
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// auditThenTransfer has an auditor read by the clock of node 1, which is ahead, and then moves money between nodes whose clocks are behind.
// Nothing is in flight when it reads.
func (b *bank) auditThenTransfer(ctx context.Context) error {
	for range staged {
		if err := b.audit(ctx, 1, b.nodes[0]); err != nil {
			return err
		}
		if err := b.transfer(ctx, 0, b.of(2), b.of(3), func() {}); err != nil {
			return err
		}
	}
	return nil
}

// anything: tellers and auditors side by side.
func (b *bank) anything(ctx context.Context) error {
	var all []func(context.Context) error
	for teller := range tellers {
		random := b.s.random(200 + uint64(teller))
		all = append(all, func(ctx context.Context) error {
			for range transfers {
				from, to := b.accounts[random.IntN(len(b.accounts))], b.accounts[random.IntN(len(b.accounts))]
				if from.node == to.node {
					continue
				}
				if err := b.transfer(ctx, 10+teller, from, to, func() {}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for auditor := range auditors {
		random := b.s.random(300 + uint64(auditor))
		all = append(all, func(ctx context.Context) error {
			for range audits {
				if err := sleep(ctx, time.Duration(random.Int64N(int64(2*ε)))); err != nil {
					return err
				}
				if err := b.audit(ctx, 20+auditor, b.nodes[random.IntN(len(b.nodes))]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return together(ctx, all...)
}

// verdict is what became of the reads.
type verdict struct {
	reads, torn, changed int
	example              string
}

// verdict adds up what each audit saw, and reads again at its timestamp.
func (b *bank) verdict() (v verdict) {
	want := int64(len(b.accounts) * opening)
	v.example = "-"
	for _, op := range b.ops {
		if op.Reads == nil {
			continue
		}
		v.reads++
		now, example := b.at(op.TS), ""
		if sum := total(op.Reads); sum != want {
			v.torn++
			example = fmt.Sprintf("a total of %d instead of %d", sum, want)
		}
		if !maps.Equal(op.Reads, now) {
			v.changed++
			for _, a := range b.accounts {
				if was, is := op.Reads[a.name], now[a.name]; example == "" && was != is {
					example = fmt.Sprintf("%s had %d, and at the same timestamp later %d", a.name, balance(was), balance(is))
				}
			}
		}
		if v.example == "-" && example != "" {
			v.example = example
		}
	}
	return v
}
