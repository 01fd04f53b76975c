package driver

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Faults are what was done to the shards.
type Faults struct {
	Kills  int
	Twice  int // of these: killed once more while the process started
	Pauses int
}

// fault is one of a plan.
type fault struct {
	at    time.Duration // since the beginning
	shard int
	kill  bool
	lasts time.Duration // until the process is started again, or goes on
	start time.Duration // a kill: if not 0, the process is first started at once, and killed again after this
}

// plan draws faults from the seed: anywhere in the run but in the last part of it.
func (r *run) plan() (list []fault) {
	random := rand.New(rand.NewPCG(r.Seed, 0xfa017))
	for i := range r.Kills + r.Pauses {
		f := fault{at: time.Duration((0.05 + 0.8*random.Float64()) * float64(r.For)), shard: random.IntN(r.Shards), kill: i < r.Kills}
		if f.kill {
			f.lasts = time.Duration(random.Int64N(int64(300 * time.Millisecond)))
			f.start = time.Duration(random.IntN(2)) * time.Duration(random.Int64N(int64(200*time.Millisecond)))
		} else {
			f.lasts = 20*time.Millisecond + time.Duration(random.Int64N(int64(800*time.Millisecond)))
		}
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b fault) int { return cmp.Compare(a.at, b.at) })
	return list
}

type faults struct {
	mu sync.Mutex
	Faults
}

// run carries the plan out, faults of different shards at once if it says so, and returns when all processes run again.
func (f *faults) run(ctx context.Context, c *Cluster, plan []fault) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	began := time.Now()
	errs := make(chan error, len(plan))
	for _, p := range plan {
		go func() {
			select {
			case <-time.After(p.at - time.Since(began)):
			case <-ctx.Done():
				errs <- context.Cause(ctx)
				return
			}
			errs <- f.one(ctx, c, p)
		}()
	}
	var all error
	for range plan {
		if err := <-errs; err != nil && !errors.Is(err, context.Canceled) {
			all = errors.Join(all, err)
			stop()
		}
	}
	return all
}

func (f *faults) one(ctx context.Context, c *Cluster, p fault) error {
	if !p.kill {
		c.Pause(ctx, p.shard, p.lasts)
		f.count(Faults{Pauses: 1})
		return nil
	}
	f.count(Faults{Kills: 1})
	if p.start > 0 {
		hit, err := c.Interrupt(ctx, p.shard, p.start)
		if err != nil {
			return err
		}
		if hit {
			f.count(Faults{Twice: 1})
		}
	}
	return c.Restart(ctx, p.shard, p.lasts)
}

func (f *faults) count(more Faults) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Kills, f.Twice, f.Pauses = f.Kills+more.Kills, f.Twice+more.Twice, f.Pauses+more.Pauses
}
