package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"

	"github.com/trueclock/trueclock/truetime/commitwait"
)

// TestResign_EndsWithItsContext, although a client with patience updates while etcd does not answer.
func TestResign_EndsWithItsContext(t *testing.T) {
	var down atomic.Bool
	reading := make(chan struct{}, 1000)
	n := leaning(t, 0, ε, func(ctx context.Context, method string, request, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
		if _, ok := request.(*pb.TxnRequest); ok && down.Load() {
			select {
			case reading <- struct{}{}:
			default:
			}
			return errWeather
		}
		return invoke(ctx, method, request, reply, cc, options...)
	})
	o, err := Campaign(t.Context(), n.client, t.Name(), n.clock, Options{})
	require.NoError(t, err)
	down.Store(true)
	client, leave := context.WithCancel(t.Context())
	defer leave()
	updated := make(chan error, 1)
	go func() {
		_, err := o.Update(client, []string{"k"}, func(map[string]Version) (map[string]string, error) { return nil, nil })
		updated <- err
	}()
	<-reading
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	resigned := make(chan error, 1)
	go func() { resigned <- o.Resign(ctx) }()
	select {
	case err := <-resigned:
		var short *CutShortError
		require.ErrorAs(t, err, &short)
		require.Equal(t, 1, short.Commits)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, <-updated, commitwait.ErrClosed)
	case <-time.After(8 * time.Second):
		t.Error("Resign goes on, 8 s after a context of 0.3 s")
		leave()
		<-resigned
	}
}

// TestResign_CutShortShowsNothing: the lock of a commit in its wait is free when its owner ends, and who waited for it must not see what it guarded.
func TestResign_CutShortShowsNothing(t *testing.T) {
	n := leaning(t, 0, time.Minute)                                         // whose commits wait for two
	o := owns(t, n, fmt.Sprint(t.Name(), time.Now().UnixNano()), Options{}) // its bound is minutes ahead: nobody after it
	put, updated := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := o.Put(t.Context(), map[string]string{"k": "early"})
		put <- err
	}()
	require.Eventually(t, func() bool {
		view, err := readAt(t.Context(), n.client, o.layout, newestOfAll, []string{"k"})
		return err == nil && view.Values["k"].Value == "early"
	}, time.Minute, time.Millisecond)
	go func() {
		_, err := o.Update(t.Context(), []string{"k"}, func(is map[string]Version) (map[string]string, error) {
			t.Errorf("shown: %v", is)
			return nil, nil
		})
		updated <- err
	}()
	require.Eventually(t, func() bool {
		o.locks.mu.Lock()
		defer o.locks.mu.Unlock()
		return o.locks.keys["k"].users == 2
	}, time.Minute, time.Millisecond)
	ended, end := context.WithCancel(t.Context())
	end()
	var short *CutShortError
	require.ErrorAs(t, o.Resign(ended), &short)
	require.Equal(t, 2, short.Commits)
	require.ErrorIs(t, <-updated, commitwait.ErrClosed)
	var early *commitwait.NotYetVisibleError
	require.ErrorAs(t, <-put, &early)
}
