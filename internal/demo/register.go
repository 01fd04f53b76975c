package demo

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/trueclock/trueclock/hlc"
)

const (
	clients = 4
	calls   = 6 // of each
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
		history, err := s.registerHistory(ctx, row.clocks, s.rules.waiting(row.wait))
		if err != nil {
			return err
		}
		result, info := porcupine.CheckOperationsVerbose(registerModel, history, 5*time.Second)
		if err := s.draw(row.picture, info); err != nil {
			return err
		}
		t.row(row.clocks.name, yesNo(row.wait), fmt.Sprint(len(history)), map[porcupine.CheckResult]string{porcupine.Ok: "yes", porcupine.Illegal: "no"}[result])
		if result == porcupine.Unknown {
			return fmt.Errorf("porcupine could not decide in time about %d calls", len(history))
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

// call is one write or read of the register, and what came of it.
type call struct {
	write bool
	value int64 // written
	node  string
}

type answer struct {
	value int64         // read
	at    time.Duration // the timestamp, since the beginning
}

// registerModel is one value, 0 at first, that each read returns.
var registerModel = porcupine.Model{
	Init: func() any { return int64(0) },
	Step: func(state, in, out any) (bool, any) {
		if c := in.(call); c.write {
			return true, c.value
		}
		return out.(answer).value == state.(int64), state
	},
	DescribeOperation: func(in, out any) string {
		c, a := in.(call), out.(answer)
		if c.write {
			return fmt.Sprintf("write %d by %s, stamped %s", c.value, c.node, ms(a.at))
		}
		return fmt.Sprintf("read %d by %s at %s", a.value, c.node, ms(a.at))
	},
	DescribeState: func(state any) string { return fmt.Sprint(state) },
}

// recorder runs calls and takes down when each began and ended, on the clock of the truth.
type recorder struct {
	s             *stage
	rule          rule
	ahead, behind *node // over one store
	began         int64

	mu      sync.Mutex
	written int64 // the last value
	history []porcupine.Operation
}

// registerHistory has clients do, one after another, what shows the anomaly, and then all of them anything.
func (s *stage) registerHistory(ctx context.Context, c clocks, r rule) ([]porcupine.Operation, error) {
	one, two, err := c.next(ctx)
	if err != nil {
		return nil, err
	}
	data := newStore()
	ahead, err := s.newNode("ahead", one, data)
	if err != nil {
		return nil, err
	}
	behind, err := s.newNode("behind", two, data)
	if err != nil {
		return nil, err
	}
	rec := &recorder{s: s, rule: r, ahead: ahead, behind: behind, began: s.trueNow()}
	for range 2 {
		for _, step := range []func() error{
			func() error { return rec.write(ctx, 0, ahead) },
			func() error { return rec.write(ctx, 1, behind) }, // begins when the first was acknowledged
			func() error { return rec.read(ctx, 2, behind) },
			func() error { return rec.read(ctx, 3, ahead) },
		} {
			if err := step(); err != nil {
				return nil, err
			}
		}
	}
	var all []func(context.Context) error
	for client := range clients {
		random := s.random(100 + uint64(client))
		all = append(all, func(ctx context.Context) error {
			for range calls {
				n, do := ahead, rec.read
				if random.IntN(2) == 0 {
					n = behind
				}
				if random.IntN(2) == 0 {
					do = rec.write
				}
				if err := do(ctx, client, n); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err = together(ctx, all...)
	return rec.history, err
}

// write needs no lock: it depends on nothing, and the store orders the versions.
func (rec *recorder) write(ctx context.Context, client int, n *node) error {
	rec.mu.Lock()
	rec.written++
	value := rec.written
	rec.mu.Unlock()
	return rec.take(client, call{write: true, value: value, node: n.name}, func() (answer, error) {
		ts, err := n.commit(ctx, rec.rule, func(ts hlc.Timestamp) error {
			n.data.write(ts, "x", value)
			return nil
		})
		return answer{at: rec.since(ts)}, err
	})
}

func (rec *recorder) read(ctx context.Context, client int, n *node) error {
	return rec.take(client, call{node: n.name}, func() (answer, error) {
		ts, err := n.snapshot(ctx, rec.rule, rec.ahead, rec.behind)
		return answer{value: n.data.read(ts, "x"), at: rec.since(ts)}, err
	})
}

func (rec *recorder) since(ts hlc.Timestamp) time.Duration {
	return time.Duration(ts.WallTime - rec.began)
}

// take does a call and adds it to the history.
func (rec *recorder) take(client int, c call, do func() (answer, error)) error {
	began := rec.s.trueNow()
	a, err := do()
	ended := rec.s.trueNow()
	if err != nil {
		return err
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.history = append(rec.history, porcupine.Operation{ClientId: client, Input: c, Call: began - rec.began, Output: a, Return: ended - rec.began})
	return nil
}

// draw writes porcupine's picture of a history, if pictures are wanted.
func (s *stage) draw(name string, info porcupine.LinearizationInfo) error {
	if s.options.HTML == "" {
		return nil
	}
	path := filepath.Join(s.options.HTML, name)
	if err := porcupine.VisualizePath(registerModel, info, path); err != nil {
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
