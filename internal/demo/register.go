package demo

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/trueclock/trueclock/internal/history"
)

const (
	clients = 4
	each    = 6 // calls of each, after those that are staged
)

// register has clients write and read one value through two nodes, and asks porcupine whether what they saw can be
// explained by one register: whether there is an order of all calls in which each read returns the last write, and
// which keeps the order of calls that did not overlap.
func (s *stage) register(ctx context.Context) error {
	s.say("   %d clients write and read a register through two nodes; porcupine judges what they saw.\n", clients)
	t := newTable("CLOCKS", "WAIT", "CALLS", "LINEARIZABLE")
	defer s.sayPictures()
	defer t.print(s)
	for _, row := range []struct {
		clocks
		wait    bool
		picture string
	}{
		{s.corner(), false, "commitwait-without.html"},
		{s.corner(), true, "commitwait-with.html"},
		{s.lying(), true, "commitwait-lying.html"},
	} {
		o, err := s.registerHistory(ctx, row.clocks, s.rules.waiting(row.wait))
		if err != nil {
			return err
		}
		calls, model := o.calls(), registerModel(o.began)
		result, info := porcupine.CheckOperationsVerbose(model, calls, 5*time.Second)
		if err := s.draw(row.picture, model, info); err != nil {
			return err
		}
		t.row(row.clocks.name, yesNo(row.wait), fmt.Sprint(len(calls)), map[porcupine.CheckResult]string{porcupine.Ok: "yes", porcupine.Illegal: "no"}[result])
		if result == porcupine.Unknown {
			return fmt.Errorf("porcupine could not decide in time about %d calls", len(calls))
		}
		wrong := 0
		if result == porcupine.Illegal {
			wrong = 1
		}
		if err := judge(row.clocks, row.wait, wrong, "a history that no register explains"); err != nil {
			return err
		}
	}
	return nil
}

// registerModel is one value, 0 at first, that each read returns. A call's input and output are its history.Op.
func registerModel(began int64) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return int64(0) },
		Step: func(state, in, _ any) (bool, any) {
			op := in.(history.Op)
			if value, writes := op.Writes["x"]; writes {
				return true, value
			}
			return op.Reads["x"] == state.(int64), state
		},
		DescribeOperation: func(in, _ any) string {
			op := in.(history.Op)
			at := ms(time.Duration(op.TS.WallTime - began))
			if value, writes := op.Writes["x"]; writes {
				return fmt.Sprintf("write %d by node %s, stamped %s", value, nodeOf(op.Client), at)
			}
			return fmt.Sprintf("read %d by node %s at %s", op.Reads["x"], nodeOf(op.Client), at)
		},
		DescribeState: func(state any) string { return fmt.Sprint(state) },
	}
}

// nodeOf: clients 0 and 2 use node A, whose clock is ahead, and 1 and 3 use node B.
func nodeOf(client int) string { return [...]string{"A", "B"}[client%2] }

// calls are what porcupine needs.
func (o *observer) calls() (all []porcupine.Operation) {
	for _, op := range o.ops {
		all = append(all, porcupine.Operation{ClientId: op.Client, Input: op, Call: int64(op.Invoked), Output: op, Return: int64(op.Returned)})
	}
	return all
}

// registerHistory has clients do, one after another, what shows the anomaly, and then all of them anything. The nodes share
// one store, so it is safe to read there if it is for both.
func (s *stage) registerHistory(ctx context.Context, c clocks, r rule) (*observer, error) {
	ahead, behind, err := c.next(ctx)
	if err != nil {
		return nil, err
	}
	data := newStore()
	a, err := s.newNode("A", ahead, data)
	if err != nil {
		return nil, err
	}
	b, err := s.newNode("B", behind, data)
	if err != nil {
		return nil, err
	}
	o, nodes := s.newObserver(), []*node{a, b}
	var written atomic.Int64
	write := func(ctx context.Context, client int) error { // needs no lock: it depends on nothing, and the store orders the versions
		return o.write(ctx, client, nodes[client%2], r, "x", written.Add(1))
	}
	read := func(ctx context.Context, client int) error {
		return o.take(client, func(op *history.Op) (err error) {
			op.TS, err = nodes[client%2].snapshot(ctx, r, nodes...)
			op.Reads = map[string]int64{"x": data.read(op.TS, "x")}
			return err
		})
	}
	for range 2 {
		for client, do := range []func(context.Context, int) error{write, write, read, read} { // each begins when the one before has its answer
			if err := do(ctx, client); err != nil {
				return nil, err
			}
		}
	}
	var all []func(context.Context) error
	for client := range clients {
		random := s.random(100 + uint64(client))
		all = append(all, func(ctx context.Context) error {
			for range each {
				do := read
				if random.IntN(2) == 0 {
					do = write
				}
				if err := do(ctx, client); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return o, together(ctx, all...)
}

// draw writes porcupine's picture of a history, if pictures are wanted.
func (s *stage) draw(name string, model porcupine.Model, info porcupine.LinearizationInfo) error {
	if s.options.HTML == "" {
		return nil
	}
	path := filepath.Join(s.options.HTML, name)
	if err := porcupine.VisualizePath(model, info, path); err != nil {
		return fmt.Errorf("the picture: %w", err)
	}
	s.pictures = append(s.pictures, path)
	return nil
}

// sayPictures says where to look.
func (s *stage) sayPictures() {
	for _, path := range s.pictures {
		s.say("   picture: %s", path)
	}
}
