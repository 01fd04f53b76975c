package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/trueclock/trueclock/truetime/commitwait"
)

// load is nodes that own shards, and clients that write and read there.
type load struct {
	nodes   []*node
	shards  []*shard
	clients int
	seed    uint64
	options Options

	began time.Time
	history
	views   []seen // guarded by the mutex of the history
	refused int    // writes that certainly were not, and reads that failed, each tried again by somebody
	stats   stats
}

// shard is who serves it at present. Two nodes are candidates.
type shard struct {
	name string
	swap chan struct{} // tells its owner to resign

	mu      sync.Mutex
	owner   *Owner
	node    *node
	changed chan struct{}
}

func newShard(name string) *shard {
	return &shard{name: name, swap: make(chan struct{}), changed: make(chan struct{})}
}

// seen is a snapshot that a client has read.
type seen struct {
	shard, pair string
	View
}

// stats is what commits cost.
type stats struct {
	mu              sync.Mutex
	needed, overlap []time.Duration // of the wait, and what of it went by while they were replicated
	added           []time.Duration // the rest
}

func (s *stats) add(c commitwait.CommitStats) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.needed, s.added = append(s.needed, c.Predicted), append(s.added, c.Waited)
	s.overlap = append(s.overlap, max(0, c.Predicted-c.Waited))
}

const pairs = 8 // of keys in a shard, and counters

func (l *load) since() time.Duration { return time.Since(l.began) }

// run lets clients at it until running ends. What they have begun they may end, until ctx does.
func (l *load) run(ctx, running context.Context) {
	l.options.Commit.OnCommit = l.stats.add
	owning, resign := context.WithCancel(ctx)
	var owners, clients sync.WaitGroup
	for i, s := range l.shards {
		for j := range 2 {
			n := l.nodes[(i+j)%len(l.nodes)]
			owners.Go(func() { l.own(owning, n, s) })
		}
	}
	for i := range l.clients {
		clients.Go(func() { l.client(ctx, running, i) })
	}
	clients.Wait()
	resign()
	owners.Wait()
}

// own has a node own a shard whenever it can.
func (l *load) own(ctx context.Context, n *node, s *shard) {
	for ctx.Err() == nil {
		o, err := Campaign(ctx, n.client, s.name, n.clock, l.options)
		if err != nil {
			pause(ctx)
			continue
		}
		s.serve(o, n)
		select {
		case <-ctx.Done():
		case <-o.Lost():
		case <-s.swap:
		}
		s.serve(nil, nil)
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		_ = o.Resign(ending) // or the lease runs out
		cancel()
	}
}

func (s *shard) serve(o *Owner, n *node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owner, s.node = o, n
	close(s.changed)
	s.changed = make(chan struct{})
}

// served returns the owner, for whom it waits; nil if ctx ends.
func (s *shard) served(ctx context.Context) (*Owner, *node) {
	for {
		s.mu.Lock()
		o, n, changed := s.owner, s.node, s.changed
		s.mu.Unlock()
		if o != nil {
			return o, n
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, nil
		}
	}
}

// client writes and reads pairs at random.
func (l *load) client(ctx, running context.Context, id int) {
	r := rand.New(rand.NewPCG(l.seed, uint64(id)))
	for i := 0; running.Err() == nil; i++ {
		s, pair := l.shards[r.IntN(len(l.shards))], fmt.Sprint("pair-", r.IntN(pairs))
		o, n := s.served(running)
		if o == nil {
			return
		}
		var err error
		switch does := r.IntN(6); {
		case does < 2:
			err = l.put(ctx, o, op{shard: s.name, pair: pair, node: n.name, write: true, value: fmt.Sprint(id, "-", i)})
		case does == 2:
			err = l.count(ctx, o, op{shard: s.name, pair: fmt.Sprint(counter, r.IntN(pairs)), node: n.name, write: true})
		default:
			modes := []commitwait.Mode{commitwait.ExactStaleness(20 * time.Millisecond), commitwait.MaxStaleness(time.Second), commitwait.Strong(), commitwait.Strong()}
			kind := r.IntN(len(modes))
			err = l.read(ctx, o, op{shard: s.name, pair: pair, node: n.name}, modes[kind], kind >= 2)
		}
		if err != nil {
			l.mu.Lock()
			l.refused++
			l.mu.Unlock()
			pause(running)
		}
	}
}

const counter = "count-"

// put writes a pair.
func (l *load) put(ctx context.Context, o *Owner, op op) (err error) {
	op.call = l.since()
	op.Commit, err = o.Put(ctx, map[string]string{op.pair + "/x": op.value, op.pair + "/y": op.value})
	return l.wrote(op, err)
}

// count reads a number and writes the next.
func (l *load) count(ctx context.Context, o *Owner, op op) (err error) {
	op.call = l.since()
	op.Commit, err = o.Update(ctx, []string{op.pair}, func(is map[string]Version) (map[string]string, error) {
		n, _ := strconv.Atoi(is[op.pair].Value) // 0 at first
		op.value = strconv.Itoa(n + 1)
		return map[string]string{op.pair: op.value}, nil
	})
	return l.wrote(op, err)
}

// wrote takes down a write that is in the store, or may be, and returns the error of any other.
func (l *load) wrote(op op, err error) error {
	op.ret = l.since()
	var unknown *commitwait.OutcomeUnknownError
	var early *commitwait.NotYetVisibleError
	op.open = errors.As(err, &unknown) || errors.As(err, &early)
	if err == nil || op.open {
		l.add(op)
		return nil
	}
	return err
}

func (l *load) read(ctx context.Context, o *Owner, op op, mode commitwait.Mode, strong bool) error {
	op.call = l.since()
	view, err := o.Read(ctx, mode, op.pair+"/x", op.pair+"/y")
	op.ret = l.since()
	if err != nil {
		return err
	}
	op.value, op.TS = view.Values[op.pair+"/x"].Value, view.Values[op.pair+"/x"].TS
	l.mu.Lock()
	defer l.mu.Unlock()
	l.views = append(l.views, seen{op.shard, op.pair, view})
	if strong {
		l.ops = append(l.ops, op)
	}
	return nil
}

// pause is between an attempt that failed and the next.
func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(20 * time.Millisecond):
	}
}
