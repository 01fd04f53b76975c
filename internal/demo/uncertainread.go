package demo

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/internal/history"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// protocol is a way to write and to read so that who reads after a write was acknowledged sees it.
type protocol struct {
	name  string
	safe  bool
	write func(ctx context.Context, n *node, value int64) (hlc.Timestamp, error)
	read  func(ctx context.Context, n *node) (ts hlc.Timestamp, value int64, restarts int, err error)
}

const writes = 20 // of each protocol, each followed by a read on the other node

// uncertainRead: instead of making each writer wait until its timestamp has passed, a reader may begin again above every value that it finds
// within its own uncertainty, since that could have been acknowledged before it began.
func uncertainRead(ctx context.Context, s *stage) error {
	s.say("   Two nodes, clocks wrong by +%v and -%v, write in turns; the other reads when the write was acknowledged. %d times.\n", ε, ε, writes)
	t := newTable("PROTOCOL", "STALE READS", "WRITE TAKES", "RESTARTS PER READ", "OF READS LATER")
	defer t.print(s)
	for _, p := range []protocol{
		{"neither waits", false, s.stampAndGo, readAtLatest},
		{"the writer waits", true, s.commitAndWait, readAtLatest},
		{"the reader begins again", true, s.stampEarliest, readUncertain},
	} {
		if err := s.protocolRow(ctx, t, p); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) protocolRow(ctx context.Context, t *table, p protocol) error {
	one, two, err := s.corner().next(ctx)
	if err != nil {
		return err
	}
	data := newStore()
	var nodes [2]*node
	for i, name := range []string{"A", "B"} {
		if nodes[i], err = s.newNode(name, [...]*truetime.Clock{one, two}[i], data); err != nil {
			return err
		}
	}
	o := s.newObserver()
	restarts, later := 0, 0
	var took []time.Duration
	read := func(client int, count *int) error {
		return o.take(client, func(op *history.Op) error {
			ts, value, again, err := p.read(ctx, nodes[client])
			op.TS, op.Reads = ts, map[string]int64{"x": value}
			*count += again
			return err
		})
	}
	for i := range writes {
		writer := i % 2
		err := o.take(writer, func(op *history.Op) (err error) {
			op.Writes = map[string]int64{"x": int64(i + 1)}
			began := o.now()
			op.TS, err = p.write(ctx, nodes[writer], int64(i+1))
			took = append(took, o.now()-began)
			return err
		})
		if err != nil {
			return err
		}
		if err := read(1-writer, &restarts); err != nil {
			return err
		}
	}
	if err := sleep(ctx, 3*ε); err != nil {
		return err
	}
	for i := range writes {
		if err := read(i%2, &later); err != nil {
			return err
		}
	}
	stale := history.StaleReads(o.ops)
	slices.Sort(took)
	t.row(p.name, fmt.Sprint(len(stale)), ms(took[writes/2]), fmt.Sprintf("%.1f", float64(restarts)/writes), fmt.Sprintf("%.1f", float64(later)/writes))
	switch {
	case p.safe && len(stale) > 0:
		return fmt.Errorf("%s: %v", p.name, stale[0])
	case !p.safe && len(stale) == 0:
		return fmt.Errorf("%s: there should have been a stale read, and was not", p.name)
	case later > 0:
		return fmt.Errorf("%s: what was written long ago is certain, and there were %d restarts", p.name, later)
	}
	return nil
}

// stampAndGo is a commit without its wait.
func (s *stage) stampAndGo(ctx context.Context, n *node, value int64) (hlc.Timestamp, error) {
	return n.put(ctx, s.rules.noWait, value)
}

func (s *stage) commitAndWait(ctx context.Context, n *node, value int64) (hlc.Timestamp, error) {
	return n.put(ctx, s.rules.whole, value)
}

func (n *node) put(ctx context.Context, r rule, value int64) (hlc.Timestamp, error) {
	return n.commit(ctx, r, func(ts hlc.Timestamp) error {
		n.data.write(ts, "x", value)
		return nil
	})
}

// readAtLatest reads at the latest that the true time may be.
func readAtLatest(_ context.Context, n *node) (hlc.Timestamp, int64, int, error) {
	now, err := n.clock.Now()
	ts := hlc.Timestamp{WallTime: now.LatestUnixNano()}
	return ts, n.data.read(ts, "x"), 0, err
}

// stampEarliest stamps with the earliest that the true time may be, above what is there: never after the true time.
func (s *stage) stampEarliest(_ context.Context, n *node, value int64) (hlc.Timestamp, error) {
	now, err := n.clock.Now()
	if err != nil {
		return hlc.Timestamp{}, err
	}
	ts := hlc.Timestamp{WallTime: now.EarliestUnixNano()}
	if above := n.data.newestStamp("x"); !ts.After(above) {
		if ts, err = above.Next(); err != nil {
			return hlc.Timestamp{}, err
		}
	}
	n.data.write(ts, "x", value)
	return ts, nil
}

// readUncertain reads at the earliest. A value stamped after that and not after the latest was perhaps acknowledged before this
// read began: it begins again there, but what it is uncertain of does not grow. (CockroachDB calls it the uncertainty interval.) It
// need not wait before it returns, as no writer of this protocol stamps after the true time.
func readUncertain(ctx context.Context, n *node) (hlc.Timestamp, int64, int, error) {
	r, err := n.committer.UncertainRead(ctx)
	if err != nil {
		return hlc.Timestamp{}, 0, 0, err
	}
	restarts := 0
	if newest := n.data.newestUntil(r.Limit, "x"); r.Classify(newest) == commitwait.Uncertain {
		r, restarts = r.Restart(newest), 1
	}
	return r.At, n.data.read(r.At, "x"), restarts, nil
}
