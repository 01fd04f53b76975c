package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

const ε = 5 * time.Millisecond

// TestOrder_AcrossShards: a commit that begins when another was acknowledged, at a node whose clock is as far behind as the first is
// ahead, in another shard, comes after it. Without the commit wait it does not.
func TestOrder_AcrossShards(t *testing.T) {
	const ε = 100 * time.Millisecond // far above what replication takes
	ahead, behind := leaning(t, ε, ε), leaning(t, -ε, ε)
	for _, broken := range []Broken{{}, {Wait: true}} {
		t.Run(fmt.Sprintf("%+v", broken), func(t *testing.T) {
			first := owns(t, ahead, t.Name()+"first", Options{Broken: broken})
			then := owns(t, behind, t.Name()+"then", Options{Broken: broken})
			rises := func() bool {
				a, err := first.Put(t.Context(), map[string]string{"k": "a"})
				require.NoError(t, err)
				b, err := then.Put(t.Context(), map[string]string{"k": "b"})
				require.NoError(t, err)
				return b.TS.After(a.TS)
			}
			if broken.Wait {
				for deadline := time.Now().Add(time.Minute); rises(); {
					require.True(t, time.Now().Before(deadline), "nobody would have noticed")
				}
				return
			}
			for range 5 {
				require.True(t, rises())
			}
		})
	}
}

// TestSnapshot_OfTwoShards: at one timestamp of both, whoever sees the second commit sees the first, in another shard, that was acknowledged before.
func TestSnapshot_OfTwoShards(t *testing.T) {
	first, then := owns(t, leaning(t, ε, ε), t.Name()+"first", Options{}), owns(t, leaning(t, -ε, ε), t.Name()+"then", Options{})
	running, stop := context.WithCancel(t.Context())
	var writer sync.WaitGroup
	writer.Go(func() {
		defer stop()
		for i := range 30 {
			for _, o := range []*Owner{first, then} {
				if _, err := o.Put(t.Context(), map[string]string{"k": strconv.Itoa(i)}); err != nil {
					t.Error(err)
				}
			}
		}
	})
	number := func(v View) int { // −1 if nothing was written yet
		if v.Values["k"].TS.IsZero() {
			return -1
		}
		n, err := strconv.Atoi(v.Values["k"].Value)
		require.NoError(t, err)
		return n
	}
	for running.Err() == nil {
		b, err := then.Read(t.Context(), commitwait.Strong(), "k")
		require.NoError(t, err)
		a, err := first.Read(t.Context(), commitwait.At(b.TS), "k")
		require.NoError(t, err)
		require.GreaterOrEqual(t, number(a), number(b), "at %v", b.TS)
		require.LessOrEqual(t, number(a), number(b)+1, "at %v", b.TS)
	}
	writer.Wait()
}

// TestHandover_AStoppedOwner cannot write when it goes on. Without the fence it can.
func TestHandover_AStoppedOwner(t *testing.T) {
	next := leaning(t, -ε, ε)
	c := ownerConfig{Endpoints: shared.cluster.endpoints(), World: shared.world, Lean: ε, Eps: ε, TTL: 2 * time.Second}
	c.Shard = t.Name()
	report, err := stoppedOwner(t.Context(), c, next)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("no process can be stopped here")
	}
	require.NoError(t, err)
	require.Contains(t, report, "refused")

	c.Shard, c.Broken = t.Name()+"-without-the-fence", Broken{Fence: true}
	_, err = stoppedOwner(t.Context(), c, next)
	require.ErrorContains(t, err, "the old owner, stopped and continued, wrote at")
}

// TestHandover_BeginsAboveTheFloor: what the last owner has read, ahead of true time, stays as it was. Without the floor it does not.
func TestHandover_BeginsAboveTheFloor(t *testing.T) {
	wide, narrow := leaning(t, wideε, wideε), leaning(t, -ε, ε)
	_, err := handedOver(t.Context(), t.Name(), wide, narrow, Broken{})
	require.NoError(t, err)
	for i := 0; err == nil; i++ { // once it is handed over faster than the clock is wide
		require.Less(t, i, 20, "nobody would have noticed")
		_, err = handedOver(t.Context(), fmt.Sprint(t.Name(), "-without-it-", i), wide, narrow, Broken{Floor: true})
	}
	require.ErrorContains(t, err, "timestamps fall")
}

// TestHandover_WaitsForTheLastCommit of an owner who ended in its commit wait: it is in the store and nobody may see it yet.
func TestHandover_WaitsForTheLastCommit(t *testing.T) {
	wide, narrow := leaning(t, wideε, wideε), leaning(t, -ε, ε)
	first := owns(t, wide, t.Name(), Options{})
	p, err := first.committer.Assign(t.Context())
	require.NoError(t, err)
	_, err = first.write(t.Context(), p.TS(), map[string]string{"k": "early"})
	require.NoError(t, err)
	revoke(t, first)
	next := owns(t, narrow, t.Name(), Options{})
	passed, err := narrow.clock.After(p.TS().Time())
	require.NoError(t, err)
	require.True(t, passed, "it serves before %v has passed", p.TS())
	view, err := next.Read(t.Context(), commitwait.Strong(), "k")
	require.NoError(t, err)
	require.Equal(t, Version{"early", p.TS()}, view.Values["k"])
}

// revoke takes the lease away, as if it had run out.
func revoke(t testing.TB, o *Owner) {
	t.Helper()
	_, err := o.client.Revoke(t.Context(), o.session.Lease())
	require.NoError(t, err)
}

// TestLost_ReadsWhatItHasCovered, and nothing above: a lost owner's reads are right for as long as they succeed.
func TestLost_ReadsWhatItHasCovered(t *testing.T) {
	a, b := leaning(t, ε, ε), leaning(t, -ε, ε)
	first := owns(t, a, t.Name(), Options{})
	committed, err := first.Put(t.Context(), map[string]string{"k": "first"})
	require.NoError(t, err)
	view, err := first.Read(t.Context(), commitwait.Strong(), "k")
	require.NoError(t, err)
	revoke(t, first)
	next := owns(t, b, t.Name(), Options{})
	second, err := next.Put(t.Context(), map[string]string{"k": "second"})
	require.NoError(t, err)
	require.True(t, second.TS.After(view.TS))

	again, err := first.Read(t.Context(), commitwait.At(view.TS), "k")
	require.NoError(t, err)
	require.Equal(t, Version{"first", committed.TS}, again.Values["k"])
	var lost *LostError
	_, err = first.Read(t.Context(), commitwait.Strong(), "k")
	require.ErrorAs(t, err, &lost, "it would miss the second")
	_, err = first.Put(t.Context(), map[string]string{"k": "third"})
	require.ErrorAs(t, err, &lost)
	require.ErrorAs(t, first.Resign(t.Context()), &lost)
	require.NoError(t, unchanged(t.Context(), a.client, t.Name(), view))
	_, err = first.Put(t.Context(), map[string]string{"k": "fourth"})
	require.ErrorIs(t, err, commitwait.ErrClosed)
}

// TestBound_IsWrittenInWindows and not for each commit, ahead of what it covers.
func TestBound_IsWrittenInWindows(t *testing.T) {
	began := time.Now()
	n := leaning(t, 0, time.Millisecond)
	o := owns(t, n, t.Name(), Options{})
	for i := range 40 {
		var all sync.WaitGroup
		for j := range 5 {
			all.Go(func() {
				c, err := o.Put(t.Context(), map[string]string{fmt.Sprint(j): fmt.Sprint(i)})
				if err != nil || c.TS.After(stored(t, o)) {
					t.Errorf("%v: %v", c, err)
				}
			})
		}
		all.Wait()
	}
	found, err := n.client.Get(t.Context(), o.layout.bound())
	require.NoError(t, err)
	halves := int64(time.Since(began) / (o.options.Window / 2))
	require.LessOrEqual(t, found.Kvs[0].Version, 3+halves, "of 200 commits")
}

func stored(t testing.TB, o *Owner) hlc.Timestamp {
	t.Helper()
	found, err := o.client.Get(t.Context(), o.layout.bound())
	if err != nil || len(found.Kvs) == 0 {
		t.Errorf("the bound: %v", err)
		return hlc.Timestamp{}
	}
	ts, err := hlc.ParseBinary(found.Kvs[0].Value)
	if err != nil {
		t.Error(err)
	}
	return ts
}

// TestBound_NeverFalls: one that comes late does nothing, and one of an owner who is over is refused.
func TestBound_NeverFalls(t *testing.T) {
	n := leaning(t, 0, ε)
	o := owns(t, n, t.Name(), Options{})
	high, low := hlc.Timestamp{WallTime: 2000, Logical: 1}, hlc.Timestamp{WallTime: 1000, Logical: 9}
	saved, err := o.save(t.Context(), high)
	require.NoError(t, err)
	require.Equal(t, high, saved)
	saved, err = o.save(t.Context(), low)
	require.NoError(t, err)
	require.Equal(t, high, saved)
	require.Equal(t, high, stored(t, o))
	revoke(t, o)
	_, err = o.save(t.Context(), hlc.Timestamp{WallTime: 3000})
	var lost *LostError
	require.ErrorAs(t, err, &lost)
	require.Equal(t, high, stored(t, o))
}

// TestResign_LeavesTheLastTimestamp, so that the next owner's first commit waits no longer than any other.
func TestResign_LeavesTheLastTimestamp(t *testing.T) {
	n := leaning(t, 0, ε)
	o := owns(t, n, t.Name(), Options{Window: time.Hour})
	c, err := o.Put(t.Context(), map[string]string{"k": "v"})
	require.NoError(t, err)
	require.True(t, stored(t, o).After(hlc.Timestamp{WallTime: c.TS.WallTime + int64(time.Minute)}))
	require.NoError(t, o.Resign(t.Context()))
	require.Equal(t, c.TS, stored(t, o))
	next := owns(t, n, t.Name(), Options{Commit: commitwait.Options{MaxWait: time.Minute}})
	again, err := next.Put(t.Context(), map[string]string{"k": "w"})
	require.NoError(t, err)
	require.True(t, again.TS.After(c.TS))
	owners, err := n.client.Get(t.Context(), o.layout.candidates(), clientv3.WithPrefix())
	require.NoError(t, err)
	require.Len(t, owners.Kvs, 1)
}

// TestHandover_WaitsForTheBound of an owner who was lost, however far ahead it is: the first commit is refused nothing.
func TestHandover_WaitsForTheBound(t *testing.T) {
	n := leaning(t, 0, ε)
	options := Options{Window: 3 * time.Second}
	lost := owns(t, n, t.Name(), options)
	_, err := lost.Put(t.Context(), map[string]string{"k": "old"})
	require.NoError(t, err)
	revoke(t, lost)
	next := owns(t, n, t.Name(), options)
	_, err = next.Put(t.Context(), map[string]string{"k": "new"})
	require.NoError(t, err)
}
