package main

import (
	"context"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/trueclock/trueclock/truetime"
)

// world is what the true time is, for all nodes of this machine: a line over the local clock. How far a node's clock leans
// off it is exact that way, whatever the operating system does to its own.
type world struct{ Nanos, True int64 }

func newWorld(local truetime.LocalClock) (world, error) {
	r, err := local.Read()
	return world{Nanos: r.Nanos, True: time.Now().UnixNano()}, err
}

// clock returns a node's clock: its interval is the true time + lean ± ε, and contains it if |lean| ≤ ε.
func (w world) clock(local truetime.LocalClock, lean, ε time.Duration) (*truetime.Clock, error) {
	r, err := local.Read()
	if err != nil {
		return nil, err
	}
	clock := truetime.New(local, truetime.Options{})
	middle := w.True + int64(lean)
	return clock, clock.Update(truetime.Bound{
		At:       r,
		Earliest: truetime.Line{At: w.Nanos, Nanos: middle - int64(ε)},
		Latest:   truetime.Line{At: w.Nanos, Nanos: middle + int64(ε)},
		Expires:  r.Nanos + int64(24*time.Hour),
	}, nil)
}

// node is one who may own shards: a clock and a way to etcd.
type node struct {
	name   string
	clock  *truetime.Clock
	client *clientv3.Client
}

// newNode returns a node whose clock leans by lean within ±ε, and that begins with this member.
func newNode(name string, w world, local truetime.LocalClock, lean, ε time.Duration, endpoints []string, first int, through ...grpc.UnaryClientInterceptor) (*node, error) {
	clock, err := w.clock(local, lean, ε)
	if err != nil {
		return nil, err
	}
	client, err := connect(endpoints, first, through...)
	return &node{name: name, clock: clock, client: client}, err
}

// connect returns a client that keeps to one member until that does not answer for a while, and then goes to the next. (A client
// of all three would send a third of its requests to one that is stopped, whose connections stand.)
func connect(endpoints []string, first int, through ...grpc.UnaryClientInterceptor) (*clientv3.Client, error) {
	const patience = time.Second
	var client *clientv3.Client
	var at atomic.Int64
	at.Store(int64(first))
	endpoint := func(i int64) string { return endpoints[int(i)%len(endpoints)] }
	leaving := func(ctx context.Context, method string, request, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
		used := at.Load()
		limited, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		err := invoke(limited, method, request, reply, cc, options...)
		if err == nil || ctx.Err() != nil {
			return err
		}
		late := limited.Err() != nil
		if (late || status.Code(err) == codes.Unavailable) && at.CompareAndSwap(used, used+1) {
			client.SetEndpoints(endpoint(used + 1))
		}
		if late { // which is not the caller's deadline, and must not be taken for one
			return status.Error(codes.Unavailable, "the member does not answer")
		}
		return err
	}
	var err error
	client, err = clientv3.New(clientv3.Config{
		Endpoints:   []string{endpoint(int64(first))},
		Logger:      zap.NewNop(),
		DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(append([]grpc.UnaryClientInterceptor{leaving}, through...)...)},
	})
	return client, err
}
