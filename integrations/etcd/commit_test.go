package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// TestWrite_AndSettle: whichever comes first decides, and the other finds out.
func TestWrite_AndSettle(t *testing.T) {
	n := leaning(t, 0, ε)
	o := owns(t, n, t.Name(), Options{})
	at := func(wall int64) hlc.Timestamp { return hlc.Timestamp{WallTime: wall} }
	values := map[string]string{"a": "1", "b": "1"}

	revision, err := o.write(t.Context(), at(1), values)
	require.NoError(t, err)
	for range 2 {
		again, err := o.write(t.Context(), at(1), map[string]string{"a": "2"})
		require.NoError(t, err, "a second copy of the request")
		require.Equal(t, revision, again)
		again, err = o.settle(t.Context(), at(1))
		require.NoError(t, err)
		require.Equal(t, revision, again)
	}
	for range 2 {
		_, err = o.settle(t.Context(), at(2))
		require.ErrorIs(t, err, errSettled)
		_, err = o.write(t.Context(), at(2), map[string]string{"a": "3"})
		require.ErrorIs(t, err, errSettled, "it comes too late")
	}
	view, err := readAt(t.Context(), n.client, o.layout, at(9), []string{"a", "b", "c"})
	require.NoError(t, err)
	require.Equal(t, map[string]Version{"a": {"1", at(1)}, "b": {"1", at(1)}, "c": {}}, view.Values)

	revoke(t, o)
	var lost *LostError
	_, err = o.write(t.Context(), at(3), values)
	require.ErrorAs(t, err, &lost)
	_, err = o.settle(t.Context(), at(3))
	require.ErrorAs(t, err, &lost, "never written, and never to be")
	settled, err := o.settle(t.Context(), at(1))
	require.NoError(t, err, "who owns the shard does not change what was")
	require.Equal(t, revision, settled)
}

// TestWrite_RacesWithSettle: both say the same, and so does the store.
func TestWrite_RacesWithSettle(t *testing.T) {
	n := leaning(t, 0, ε)
	o := owns(t, n, t.Name(), Options{})
	won := map[bool]int{}
	for i := range int64(60) {
		ts := hlc.Timestamp{WallTime: 1 + i}
		var written, settled error
		var both sync.WaitGroup
		both.Go(func() { _, written = o.write(t.Context(), ts, map[string]string{"k": fmt.Sprint(i)}) })
		both.Go(func() { _, settled = o.settle(t.Context(), ts) })
		both.Wait()
		require.Equal(t, written == nil, settled == nil, "%v, %v", written, settled)
		view, err := readAt(t.Context(), n.client, o.layout, ts, []string{"k"})
		require.NoError(t, err)
		require.Equal(t, written == nil, view.Values["k"].TS == ts)
		won[written == nil]++
	}
	t.Log("written:", won)
}

// weather is what happens to the requests that write a value.
type weather struct {
	mu    sync.Mutex
	value string        // the next request that writes it is the one
	sends bool          // it is sent, and the answer is lost
	late  chan struct{} // it is sent when this is closed, though the client has long had an error
	sent  chan error    // how that ended
}

var errWeather = status.Error(codes.Unavailable, "the connection broke")

func (w *weather) through(ctx context.Context, method string, request, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	if txn, ok := request.(*pb.TxnRequest); ok && w.hits(txn) {
		if w.late != nil {
			go func() {
				<-w.late
				w.sent <- invoke(context.WithoutCancel(ctx), method, request, &pb.TxnResponse{}, cc)
			}()
			return errWeather
		}
		if w.sends {
			if err := invoke(ctx, method, request, reply, cc, options...); err != nil {
				return err
			}
		}
		return errWeather
	}
	return invoke(ctx, method, request, reply, cc, options...)
}

func (w *weather) hits(txn *pb.TxnRequest) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, op := range txn.Success {
		if put := op.GetRequestPut(); put != nil && w.value != "" && string(put.Value) == w.value {
			w.value = ""
			return true
		}
	}
	return false
}

// TestPut_OutcomeUnknown: the connection broke before the request was sent, after it was applied, or while it was on its way, where
// it arrives when everybody has forgotten it.
func TestPut_OutcomeUnknown(t *testing.T) {
	for name, w := range map[string]*weather{
		"never sent":            {},
		"applied, answer lost":  {sends: true},
		"sent after it settled": {late: make(chan struct{}), sent: make(chan error, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			n := leaning(t, 0, ε, w.through)
			o := owns(t, n, t.Name(), Options{})
			_, err := o.Put(t.Context(), map[string]string{"k": "before"})
			require.NoError(t, err)
			w.mu.Lock()
			w.value = "now"
			w.mu.Unlock()
			c, err := o.Put(t.Context(), map[string]string{"k": "now"})
			if w.sends {
				require.NoError(t, err)
			} else {
				var not *commitwait.ApplyError
				require.ErrorAs(t, err, &not)
				require.ErrorContains(t, err, "the connection broke")
			}
			view, err := o.Read(t.Context(), commitwait.Strong(), "k")
			require.NoError(t, err)
			require.Equal(t, w.sends, view.Values["k"] == Version{"now", c.TS})
			if w.late != nil {
				close(w.late)
				require.NoError(t, <-w.sent, "it arrived")
			}
			require.NoError(t, unchanged(t.Context(), n.client, t.Name(), view))
			require.Zero(t, o.committer.Stats().InFlight)
			_, err = o.Put(t.Context(), map[string]string{"k": "after"})
			require.NoError(t, err)
		})
	}
}

// TestPut_WhoseClientLeaves: nobody knows, and no snapshot is served from there on, nor the key unlocked, until the owner has found out.
func TestPut_WhoseClientLeaves(t *testing.T) {
	w := &weather{value: "now", sends: true}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	var down atomic.Bool
	n := leaning(t, 0, ε, func(ctx context.Context, method string, request, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
		if txn, ok := request.(*pb.TxnRequest); ok && down.Load() && len(txn.Success) > 0 && string(txn.Success[0].GetRequestPut().GetValue()) == aborted {
			leave()           // not before somebody asks what has become of it
			return errWeather // who does not get to know
		}
		return w.through(ctx, method, request, reply, cc, invoke, options...)
	})
	o := owns(t, n, t.Name(), Options{})
	down.Store(true)
	c, err := o.Put(ctx, map[string]string{"k": "now"})
	var unknown *commitwait.OutcomeUnknownError
	require.ErrorAs(t, err, &unknown)
	require.Equal(t, c.TS, unknown.TS)
	require.True(t, o.committer.SafeTime().Before(c.TS))
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = o.Read(short, commitwait.At(c.TS), "k")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	short, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = o.locks.acquire(short, []string{"k"})
	require.ErrorIs(t, err, context.DeadlineExceeded)

	down.Store(false)
	view, err := o.Read(t.Context(), commitwait.At(c.TS), "k")
	require.NoError(t, err)
	require.Equal(t, Version{"now", c.TS}, view.Values["k"], "it was applied after all")
	_, err = o.Put(t.Context(), map[string]string{"k": "later"})
	require.NoError(t, err)
}

// TestPut_WhatEtcdRefuses certainly was not written.
func TestPut_WhatEtcdRefuses(t *testing.T) {
	o := owns(t, leaning(t, 0, ε), t.Name(), Options{})
	many := map[string]string{}
	for i := range 200 {
		many[strconv.Itoa(i)] = "v"
	}
	_, err := o.Put(t.Context(), many)
	var not *commitwait.ApplyError
	require.ErrorAs(t, err, &not)
	require.ErrorContains(t, err, "too many operations")
	_, err = o.Read(t.Context(), commitwait.Strong(), "1")
	require.NoError(t, err, "and it holds nothing up")
	_, err = o.Read(t.Context(), commitwait.Strong(), slices.Collect(maps.Keys(many))...)
	require.ErrorContains(t, err, "too many operations")
}

// TestUpdate_LosesNothing: clients count in the same keys at once.
func TestUpdate_LosesNothing(t *testing.T) {
	o := owns(t, leaning(t, 0, time.Millisecond), t.Name(), Options{})
	const clients, each = 6, 10
	var all sync.WaitGroup
	for client := range clients {
		all.Go(func() {
			keys := []string{"a", "b"}
			if client%2 == 0 {
				keys = []string{"b", "a"}
			}
			for range each {
				_, err := o.Update(t.Context(), keys, func(is map[string]Version) (map[string]string, error) {
					n, _ := strconv.Atoi(is["a"].Value)
					if is["a"] != is["b"] {
						return nil, fmt.Errorf("torn: %v", is)
					}
					return map[string]string{"a": strconv.Itoa(n + 1), "b": strconv.Itoa(n + 1)}, nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	view, err := o.Read(t.Context(), commitwait.Strong(), "a")
	require.NoError(t, err)
	require.Equal(t, strconv.Itoa(clients*each), view.Values["a"].Value)

	why := errors.New("changed my mind")
	_, err = o.Update(t.Context(), []string{"a"}, func(map[string]Version) (map[string]string, error) { return nil, why })
	require.ErrorIs(t, err, why)
	_, err = o.Update(t.Context(), []string{"a"}, func(map[string]Version) (map[string]string, error) {
		return map[string]string{"b": "0"}, nil
	})
	require.ErrorContains(t, err, "not locked")
	require.Panics(t, func() {
		_, _ = o.Update(t.Context(), []string{"a"}, func(map[string]Version) (map[string]string, error) { panic("in change") })
	})
	_, err = o.Put(t.Context(), map[string]string{"a": "0"}, view.TS)
	require.NoError(t, err, "all is unlocked")
	require.Empty(t, o.locks.keys)
}

// TestUpdate_ALostOwnerShowsNothing: what it finds is of the next owner, who is still in its commit wait, and change could refuse because of it.
func TestUpdate_ALostOwnerShowsNothing(t *testing.T) {
	n := leaning(t, 0, ε)
	first := owns(t, n, t.Name(), Options{})
	_, err := first.Put(t.Context(), map[string]string{"k": "old"})
	require.NoError(t, err)
	revoke(t, first)
	next := owns(t, n, t.Name(), Options{})
	p, err := next.committer.Assign(t.Context())
	require.NoError(t, err)
	_, err = next.write(t.Context(), p.TS(), map[string]string{"k": "early"})
	require.NoError(t, err)
	_, err = first.Update(t.Context(), []string{"k"}, func(is map[string]Version) (map[string]string, error) {
		t.Errorf("shown: %v", is)
		return nil, errors.New("refused because of what was read")
	})
	var lost *LostError
	require.ErrorAs(t, err, &lost)
}
