package demo

import (
	"context"
	"sync"
	"time"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/internal/history"
)

// observer takes down what clients did and saw, and when, on the clock of the truth.
type observer struct {
	s     *stage
	began int64

	mu  sync.Mutex
	ops []history.Op
}

func (s *stage) newObserver() *observer { return &observer{s: s, began: s.trueNow()} }

// now is the true time since the beginning.
func (o *observer) now() time.Duration { return time.Duration(o.s.trueNow() - o.began) }

// take has a client do something and takes it down, unless it failed. do completes the op.
func (o *observer) take(client int, do func(*history.Op) error) error {
	op := history.Op{Client: client, Invoked: o.now()}
	err := do(&op)
	op.Returned = o.now()
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ops = append(o.ops, op)
	return nil
}

// write has a client write a value on a node.
func (o *observer) write(ctx context.Context, client int, n *node, r rule, key string, value int64) error {
	return o.take(client, func(op *history.Op) (err error) {
		op.Writes = map[string]int64{key: value}
		op.TS, err = n.commit(ctx, r, func(ts hlc.Timestamp) error {
			n.data.write(ts, key, value)
			return nil
		})
		return err
	})
}
