package lease

import (
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/fencing"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

var (
	runs = flag.Int("lease.runs", 500, "worlds in TestSim_LeasesAreDisjoint")
	seed = flag.Uint64("lease.seed", 0, "of the first world; 0: of the time")
)

func firstSeed(t *testing.T) uint64 {
	t.Helper()
	s := *seed
	if s == 0 {
		s = uint64(time.Now().UnixNano())
	}
	t.Logf("replay with -lease.seed=%d", s)
	return s
}

// simTTL is the TTL of a world, and simε the most that a clock does not know.
const (
	simTTL = time.Second
	simε   = 40 * time.Millisecond
)

// sometimes counts what has happened, to prove that it has.
type sometimes struct {
	grants, uses, lostRequests, lostAnswers, late, doubled, pauses, blind, wide, drops int
	expired, overran, rejected                                                         int // what the faults have led to
	overlaps                                                                           int // what must never be
}

// world is some nodes that want the same lease, a store that is as bad as the network is, and a file.
type world struct {
	t      *testing.T
	r      *rand.Rand
	claim  float64 // how much of their error the clocks admit: 1 is honest
	store  Memory
	mu     sync.Mutex // of what follows, and of r
	guards map[*Guard]bool
	count  *sometimes
	healed chan struct{}

	written []fencing.Token // by the file, which compares tokens
}

func (w *world) intN(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.r.IntN(n)
}

func (w *world) below(d time.Duration) time.Duration { return time.Duration(w.intN(int(d))) }

func (w *world) faulty() bool {
	select {
	case <-w.healed:
		return false
	default:
		return true
	}
}

func (w *world) add(n *int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	*n++
}

// actor is one node. Its own calls to the store wait while it is paused.
type actor struct {
	*world
	name  string
	clock *truetime.Clock
	local *truetimetest.Virtual
	until time.Time // it stands still until then
}

func (a *actor) Read(ctx context.Context, name string) (Record, error) {
	a.stand()
	return a.store.Read(ctx, name)
}

// stand is what happens to a process that is stopped: nothing, for a while.
func (a *actor) stand() {
	a.mu.Lock()
	pause := time.Until(a.until)
	a.mu.Unlock()
	if pause > 0 {
		select {
		case <-time.After(pause):
		case <-a.healed:
		}
	}
}

// CompareAndSwap is the store behind a network: a request is lost, or its answer, or it comes late, after the caller has given up, or twice.
func (a *actor) CompareAndSwap(ctx context.Context, name string, old, next Record) error {
	a.stand()
	time.Sleep(a.below(20 * time.Millisecond))
	if !a.faulty() {
		return a.land(name, old, next)
	}
	switch a.intN(8) {
	case 0:
		a.add(&a.count.lostRequests)
		return errLost
	case 1:
		a.add(&a.count.lostAnswers)
		_ = a.land(name, old, next)
		return errLost
	case 2:
		a.add(&a.count.late)
		time.AfterFunc(a.below(2*simTTL), func() { _ = a.land(name, old, next) })
		return errLost
	case 3:
		a.add(&a.count.doubled)
		time.AfterFunc(a.below(2*simTTL), func() { _ = a.land(name, old, next) })
	}
	return a.land(name, old, next)
}

// land is the moment at which the store changes. If that is a new grant, nobody else may be valid, now or later: this is the first moment at
// which somebody could be.
func (w *world) land(name string, old, next Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.store.CompareAndSwap(context.Background(), name, old, next)
	if err != nil || next.Holder == "" || next.Token == old.Token {
		return err
	}
	w.count.grants++
	w.alone(next.Token)
	return nil
}

// alone: no lease but this one is valid. The caller holds the mutex.
func (w *world) alone(token fencing.Token) {
	for g := range w.guards {
		if g.Token() != token && g.Valid() == nil {
			w.count.overlaps++
		}
	}
}

// publish gives the node a clock that is wrong by all that it may be, or by something less.
func (a *actor) publish(ε time.Duration) {
	lean := a.below(2*ε+1) - ε
	if a.intN(2) == 0 {
		lean = ε * time.Duration(2*a.intN(2)-1)
	}
	r, _ := a.local.Read()
	b := truetimetest.Around(r, time.Now().UnixNano()+int64(lean), time.Duration(float64(ε)*a.claim), 0)
	b.Generation = truetime.NewGeneration()
	_ = a.clock.Update(truetime.Bound{}, &truetime.DisruptedError{Cause: "the story wants it"})
	if err := a.clock.Update(b, nil); err != nil {
		a.t.Error(err)
	}
}

// live is a node's life: it gets the lease, uses it some times, and gives it back or not.
func (a *actor) live(ctx context.Context) {
	for ctx.Err() == nil {
		g, err := Acquire(ctx, a.clock, a, "file", Options{Holder: a.name, TTL: simTTL})
		if err != nil {
			continue
		}
		a.mu.Lock()
		a.guards[g] = true
		a.mu.Unlock()
		for range 1 + a.intN(6) {
			a.use(ctx, g)
			time.Sleep(a.below(simTTL / 4))
		}
		if a.faulty() && a.intN(4) == 0 {
			a.add(&a.count.drops)
			g.Drop(errors.New("the node has crashed"))
			<-g.joined
		} else {
			_ = g.Release(context.Background())
		}
		a.mu.Lock()
		delete(a.guards, g)
		a.mu.Unlock()
	}
}

// use writes to the file: what is between the check and the write may take long.
func (a *actor) use(ctx context.Context, g *Guard) {
	err := g.Do(ctx, func(ctx context.Context, grant Grant) error {
		a.mu.Lock()
		a.count.uses++
		a.alone(grant.Token)
		a.mu.Unlock()
		if a.faulty() && a.intN(6) == 0 {
			a.add(&a.count.pauses)
			pause := a.below(3 * simTTL)
			a.mu.Lock()
			a.until = time.Now().Add(pause)
			a.mu.Unlock()
			a.stand()
		}
		a.write(grant.Token)
		return nil
	})
	switch {
	case errors.As(err, new(*OverranError)):
		a.add(&a.count.overran)
	case errors.As(err, new(*ExpiredError)):
		a.add(&a.count.expired)
	}
}

// write is the file's part, as package fencing does it.
func (w *world) write(token fencing.Token) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.written); n > 0 && token < w.written[n-1] {
		w.count.rejected++
		return
	}
	w.written = append(w.written, token)
}

// clocks fail, and come back knowing little, or much.
func (a *actor) clocks(ctx context.Context) {
	for {
		sleep(ctx, simTTL/4+a.below(2*simTTL))
		if ctx.Err() != nil || !a.faulty() {
			a.publish(simε / 4)
			return
		}
		switch a.intN(3) {
		case 0:
			a.add(&a.count.blind)
			_ = a.clock.Update(truetime.Bound{}, &truetime.DisruptedError{Cause: "the machine slept"})
		case 1:
			a.add(&a.count.wide)
			a.publish(simTTL / 3)
		case 2:
			a.publish(time.Millisecond + a.below(simε))
		}
	}
}

// inWorld runs one: twenty leases' time of faults, and then, when they have healed, somebody must write again within one and a half.
func inWorld(t *testing.T, seed uint64, claim float64, count *sometimes) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, r: rand.New(rand.NewPCG(seed, 1)), claim: claim, guards: map[*Guard]bool{}, count: count, healed: make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		var lives, faults sync.WaitGroup
		storm, over := context.WithCancel(t.Context())
		for _, name := range []string{"1", "2", "3"} {
			local := truetimetest.NewVirtual(0)
			a := &actor{world: w, name: name, local: local, clock: truetime.New(local, truetime.Options{})}
			a.publish(simε)
			lives.Go(func() { a.live(ctx) })
			faults.Go(func() { a.clocks(storm) })
		}
		time.Sleep(20 * simTTL)
		over()
		faults.Wait()
		close(w.healed)
		w.mu.Lock()
		before := len(w.written)
		w.mu.Unlock()
		time.Sleep(simTTL + simTTL/2)
		w.mu.Lock()
		after := len(w.written)
		w.mu.Unlock()
		cancel()
		lives.Wait()
		time.Sleep(3 * simTTL) // what was late
		require.Greater(t, after, before, "seed %d: nobody writes though all is well", seed)
	})
}

// TestSim_LeasesAreDisjoint in worlds whose store loses requests and answers, or acts on them late, or twice; whose processes stop between
// check and write; and whose clocks are wrong by all that they admit, and fail. At the moment of each grant and of each use nobody else's lease is valid;
// and when the faults are over, somebody writes again.
func TestSim_LeasesAreDisjoint(t *testing.T) {
	first, count := firstSeed(t), sometimes{}
	n := *runs
	if testing.Short() || raced {
		n /= 10
	}
	for i := range uint64(n) {
		inWorld(t, first+i, 1, &count)
		require.Zero(t, count.overlaps, "seed %d: two hold the lease", first+i)
	}
	t.Logf("%+v", count)
	if n < 20 {
		return // too few for what follows
	}
	for what, n := range map[string]int{
		"grants": count.grants, "uses": count.uses, "lost requests": count.lostRequests, "lost answers": count.lostAnswers, "late requests": count.late, "doubled requests": count.doubled,
		"pauses": count.pauses, "blind clocks": count.blind, "wide clocks": count.wide, "drops": count.drops,
		"uses that overran": count.overran, "leases that expired": count.expired, "writes that were rejected": count.rejected,
	} {
		require.Positive(t, n, "there were no %s", what)
	}
}

// TestSim_PointClocksOverlap: clocks that admit nothing of their error, or half of it. So the test above can fail.
func TestSim_PointClocksOverlap(t *testing.T) {
	first := firstSeed(t)
	for _, claim := range []float64{0, 0.5} {
		count := sometimes{}
		for i := range uint64(40) {
			inWorld(t, first+i, claim, &count)
		}
		t.Logf("%v of the error admitted: %d of %d grants while somebody else was valid", claim, count.overlaps, count.grants)
		require.Positive(t, count.overlaps, "claim %v", claim)
	}
}
