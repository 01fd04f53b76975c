package main

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"

	"github.com/trueclock/trueclock/truetime/commitwait"
)

// TestRev_ARefusalShowsTheFuture: an owner that was lost and does not know is asked for an Update, which refuses because of what it finds. That is of the next
// owner, who is still in its commit wait. Nothing is written, so no fence is asked: the client has the answer of something that a strong read
// at the owner, after it, does not see.
func TestRev_ARefusalShowsTheFuture(t *testing.T) {
	n := leaning(t, 0, ε)
	window := Options{Window: 900 * time.Millisecond}
	lost := owns(t, n, t.Name(), window)
	_, err := lost.Put(t.Context(), map[string]string{"k": "old"})
	require.NoError(t, err)
	revoke(t, lost)
	next := owns(t, n, t.Name(), window)
	acknowledged := make(chan error, 1)
	go func() {
		_, err := next.Put(t.Context(), map[string]string{"k": "new"})
		acknowledged <- err
	}()
	full := errors.New("refused because of what was read")
	refused := ""
	for refused != "new" {
		require.Empty(t, acknowledged, "too slow a machine to show it")
		_, err = lost.Update(t.Context(), []string{"k"}, func(is map[string]Version) (map[string]string, error) {
			refused = is["k"].Value
			return nil, full
		})
		require.ErrorIs(t, err, full)
	}
	view, err := next.Read(t.Context(), commitwait.Strong(), "k")
	require.NoError(t, err)
	require.Equal(t, "new", view.Values["k"].Value, "a client was refused because of \"new\" before")
	require.NoError(t, <-acknowledged)
}

// TestRev_ResignEndsWithItsContext, although a client with patience updates while etcd does not answer.
func TestRev_ResignEndsWithItsContext(t *testing.T) {
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
	go func() {
		_, _ = o.Update(client, []string{"k"}, func(map[string]Version) (map[string]string, error) { return nil, nil })
	}()
	<-reading
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	resigned := make(chan error, 1)
	go func() { resigned <- o.Resign(ctx) }()
	select {
	case <-resigned:
	case <-time.After(8 * time.Second):
		t.Error("Resign goes on, 8 s after a context of 0.3 s")
		leave()
		<-resigned
	}
}

// TestRev_TheFirstCommitWaitsForTheBound "with its first commit" (Options.Window), "up to the window" (README).
func TestRev_TheFirstCommitWaitsForTheBound(t *testing.T) {
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
