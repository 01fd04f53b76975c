// Package driver runs the bank: shards as processes, a world in which their clocks are wrong, clients, faults, and
// a record of all that was seen.
package driver

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/trueclock/trueclock/integrations/bank/shard"
	"github.com/trueclock/trueclock/integrations/bank/wire"
)

// Cluster is running shards, and the time servers that they ask.
type Cluster struct {
	world     *world
	processes []*process
	turns     []sync.Mutex // of whoever starts, pauses or kills one
	client    *http.Client
	dir       string
}

// StartCluster starts shards in a new directory and returns when all serve.
func StartCluster(ctx context.Context, o Options) (_ *Cluster, err error) {
	c := &Cluster{client: wire.NewClient(), turns: make([]sync.Mutex, o.Shards)}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	if c.dir, err = os.MkdirTemp("", "bank"); err != nil {
		return nil, err
	}
	if c.world, err = startWorld(o.Shards, o.Delay, o.Seed); err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(o.Seed, 0xc10c))
	var addresses []string
	for i := range o.Shards {
		socket, address, err := listenFor()
		if err != nil {
			return nil, err
		}
		addresses = append(addresses, address)
		c.processes = append(c.processes, &process{socket: socket, config: shard.Config{
			Number: i, TimeServers: c.world.serversOf(i), Dir: filepath.Join(c.dir, fmt.Sprint("shard-", i)),
			ClockZero: random.Int64N(1e18), ClockPPB: rates[i%len(rates)], Break: o.Break,
		}})
	}
	started := make(chan error, o.Shards)
	for _, p := range c.processes {
		p.config.Addresses = addresses
		go func() { started <- p.start(ctx) }()
	}
	for range c.processes {
		err = errors.Join(err, <-started)
	}
	return c, err
}

// Shards returns how many there are.
func (c *Cluster) Shards() int { return len(c.processes) }

// Peer returns a shard to call.
func (c *Cluster) Peer(number int) wire.Peer {
	return wire.Peer{Address: c.processes[number].config.Addresses[number], Client: c.client}
}

// Restart kills a shard, if it is not dead already, and starts it again after a pause: as it was, or with what is broken now.
func (c *Cluster) Restart(ctx context.Context, number int, pause time.Duration, broken ...shard.Break) error {
	c.turns[number].Lock()
	defer c.turns[number].Unlock()
	p := c.processes[number]
	if err := p.kill(); err != nil {
		return err
	}
	select {
	case <-time.After(pause):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	for _, b := range broken {
		p.config.Break = b
	}
	return p.start(ctx)
}

// Interrupt kills a shard, starts it again, and kills it once more while it starts. It says if it did: the start may be faster.
func (c *Cluster) Interrupt(ctx context.Context, number int, after time.Duration) (bool, error) {
	c.turns[number].Lock()
	defer c.turns[number].Unlock()
	p := c.processes[number]
	if err := p.kill(); err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, after)
	defer cancel()
	err := p.start(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return true, nil
	}
	return false, err
}

// Pause stops a shard's process for a while.
func (c *Cluster) Pause(ctx context.Context, number int, length time.Duration) {
	c.turns[number].Lock()
	defer c.turns[number].Unlock()
	p := c.processes[number]
	p.pause()
	defer p.resume()
	select {
	case <-time.After(length):
	case <-ctx.Done():
	}
}

// Exited is closed when the shard's present process is gone.
func (c *Cluster) Exited(number int) <-chan struct{} {
	c.turns[number].Lock()
	defer c.turns[number].Unlock()
	return c.processes[number].exited
}

// settleWait is for what is undecided at the end.
const settleWait = time.Minute

// Settle returns when no shard has anything undecided.
func (c *Cluster) Settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settleWait)
	defer cancel()
	for {
		open := ""
		for i := range c.processes {
			status, err := wire.Call[wire.Nothing, wire.Status](ctx, c.Peer(i), wire.StatusPath, wire.Nothing{})
			if err != nil || status != (wire.Status{}) {
				open += fmt.Sprintf(" shard %d: %+v %v;", i, status, err)
			}
		}
		if open == "" {
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("not everything is decided:%s %w", open, context.Cause(ctx))
		}
	}
}

// Words are what the shards wrote to standard error.
func (c *Cluster) Words() (all string) {
	for _, p := range c.processes {
		all += p.errors.String()
	}
	return all
}

// Close ends every process, the servers and the directory.
func (c *Cluster) Close() error {
	ended := make(chan error, len(c.processes))
	for _, p := range c.processes {
		go func() { ended <- p.stop() }()
	}
	var errs []error
	for range c.processes {
		errs = append(errs, <-ended)
	}
	if c.world != nil {
		errs = append(errs, c.world.close())
	}
	c.client.CloseIdleConnections()
	if c.dir != "" {
		errs = append(errs, os.RemoveAll(c.dir))
	}
	return errors.Join(errs...)
}
