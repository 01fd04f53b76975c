package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/trueclock/trueclock/integrations/etcd/leasestore"
	"github.com/trueclock/trueclock/truetime/fencing"
	"github.com/trueclock/trueclock/truetime/lease"
)

// TestLeaseStore_SwapsOnce, and says yes again to who asks again.
func TestLeaseStore_SwapsOnce(t *testing.T) {
	client, prefix := leaning(t, 0, ε).client, fmt.Sprint(t.Name(), rand.Uint64(), "/") // of this run: etcd outlives it
	store := leasestore.New(client, prefix)
	ctx, a, b := t.Context(), lease.Record{Holder: "a\n\"", Incarnation: 7, Token: 33, Expiry: 5}, lease.Record{Token: 33}
	got, err := store.Read(ctx, "x")
	require.NoError(t, err)
	require.Zero(t, got)
	require.NoError(t, store.CompareAndSwap(ctx, "x", lease.Record{}, a))
	require.NoError(t, store.CompareAndSwap(ctx, "x", lease.Record{}, a))
	require.ErrorIs(t, store.CompareAndSwap(ctx, "x", lease.Record{}, b), lease.ErrConflict)
	require.NoError(t, store.CompareAndSwap(ctx, "x", a, b))
	require.ErrorIs(t, store.CompareAndSwap(ctx, "x", lease.Record{}, a), lease.ErrConflict)
	got, err = store.Read(ctx, "x")
	require.NoError(t, err)
	require.Equal(t, b, got)
	_, err = client.Put(ctx, prefix+"y", "lease2")
	require.NoError(t, err)
	_, err = store.Read(ctx, "y")
	require.ErrorAs(t, err, new(*lease.ParseError))
}

// turns is what some nodes do to each other by turns: who holds the lease, what was written, and what went wrong.
type turns struct {
	mu       sync.Mutex
	guards   map[*lease.Guard]bool
	last     fencing.Token
	grants   int
	overlaps []string
	rejected int
	expired  int
}

// begins checks that nobody else's lease is valid, and that the token is new.
func (x *turns) begins(g *lease.Guard) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.guards[g] = true
	x.grants++
	if g.Token() <= x.last {
		x.overlaps = append(x.overlaps, fmt.Sprintf("token %v after %v", g.Token(), x.last))
	}
	x.last = g.Token()
	x.alone(g)
}

func (x *turns) alone(g *lease.Guard) {
	if g.Valid() != nil {
		return
	}
	for other := range x.guards {
		if other != g && other.Valid() == nil && g.Valid() == nil {
			x.overlaps = append(x.overlaps, fmt.Sprintf("%v and %v are both valid", other.Token(), g.Token()))
		}
	}
}

func (x *turns) ends(g *lease.Guard) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.guards, g)
}

// TestLease_100Rounds: nodes whose clocks lean all ways take turns, on three processes of etcd, one of which is stopped again and
// again, also the one that leads. Some give the lease back and some let it run out; some stand still between their check and their write. No two
// are valid at once, tokens rise, and the register refuses what is late.
func TestLease_100Rounds(t *testing.T) {
	if testing.Short() {
		t.Skip("some 20 s")
	}
	const ε = 20 * time.Millisecond
	nodes := []*node{leaning(t, ε, ε), leaning(t, -ε, ε), leaning(t, 0, ε), leaning(t, -ε, ε)}
	seed := uint64(time.Now().UnixNano())
	register, err := fencing.Open(fencing.Options{Dir: t.TempDir()})
	require.NoError(t, err)
	x, ctx := &turns{guards: map[*lease.Guard]bool{}}, t.Context()
	work, stop := context.WithCancel(ctx)
	var faults, all sync.WaitGroup
	stops := 0
	faults.Go(func() { stops = stopMembers(work, t, nodes[0].client, seed) })
	for i, n := range nodes {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		all.Go(func() {
			for work.Err() == nil {
				round(work, t, n, x, register, random)
				x.mu.Lock()
				if x.grants >= 100 {
					stop()
				}
				x.mu.Unlock()
			}
		})
	}
	all.Wait()
	stop()
	faults.Wait()
	require.NoError(t, register.Close())
	t.Logf("seed %d: %d grants, members stopped %d times, %d uses found the lease over, %d writes rejected", seed, x.grants, stops, x.expired, x.rejected)
	require.Empty(t, x.overlaps, "seed %d", seed)
	require.GreaterOrEqual(t, x.grants, 100)
	require.Positive(t, stops)
	require.Positive(t, x.rejected, "somebody must have been late, or nothing was tried")
}

// round is one lease of a node.
func round(ctx context.Context, t *testing.T, n *node, x *turns, register *fencing.Register, random *rand.Rand) {
	const ttl = 400 * time.Millisecond
	g, err := lease.Acquire(ctx, n.clock, leasestore.New(n.client, t.Name()+"/"), "file", lease.Options{Holder: n.name, TTL: ttl})
	if err != nil {
		if ctx.Err() == nil {
			t.Error(err)
		}
		return
	}
	x.begins(g)
	pause := time.Duration(0)
	if random.IntN(8) == 0 {
		pause = ttl + time.Duration(random.IntN(int(ttl)))
		g.Drop(errors.New("it stands still")) // nothing renews it meanwhile
	}
	token := g.Token()
	if pause > 0 {
		hold(ctx, pause) // between a check that it has made and its write
		write(t, x, register, token)
	}
	for range random.IntN(3) {
		err := g.Do(ctx, func(context.Context, lease.Grant) error {
			x.mu.Lock()
			x.alone(g)
			x.mu.Unlock()
			write(t, x, register, token)
			return nil
		})
		if err != nil {
			x.mu.Lock()
			x.expired++
			x.mu.Unlock()
		}
	}
	x.ends(g)
	releasing, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if random.IntN(4) > 0 {
		_ = g.Release(releasing)
	} else {
		g.Drop(errors.New("it has crashed"))
	}
}

func write(t *testing.T, x *turns, register *fencing.Register, token fencing.Token) {
	err := register.Do(context.Background(), "file", token, func(context.Context) error { return nil })
	if errors.As(err, new(*fencing.StaleError)) {
		x.mu.Lock()
		x.rejected++
		x.mu.Unlock()
	} else if err != nil {
		t.Error(err)
	}
}

func hold(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// stopMembers stops one member after the other, every other time the one that leads, for longer than a lease.
func stopMembers(ctx context.Context, t *testing.T, client *clientv3.Client, seed uint64) (stops int) {
	random := rand.New(rand.NewPCG(seed, 99))
	for ; ctx.Err() == nil; stops++ {
		hold(ctx, time.Second)
		i := random.IntN(3)
		if stops%2 == 1 {
			if leads, err := shared.cluster.leader(ctx, client); err == nil {
				i = leads
			}
		}
		m := shared.cluster.members[i]
		if err := stop(m); errors.Is(err, errors.ErrUnsupported) {
			t.Log("no process can be stopped here")
			return 1
		}
		hold(ctx, time.Second+time.Duration(random.IntN(int(time.Second))))
		if err := proceed(m); err != nil {
			t.Error(err)
		}
	}
	return stops
}
