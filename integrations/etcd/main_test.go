package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/trueclock/trueclock/truetime"
)

// TestMain lets the test program be the members and nodes that the program starts, and the program itself.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "member", "owner":
			main()
			return
		case "program":
			os.Args = os.Args[1:]
			main()
			return
		}
	}
	code := m.Run()
	if shared.cluster != nil {
		if err := errors.Join(shared.cluster.close(), os.RemoveAll(shared.dir)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// shared is the cluster of all tests that let its members live; each has shards of its own.
var shared struct {
	start   sync.Once
	err     error
	dir     string
	cluster *cluster
	world   world
	local   truetime.LocalClock
}

func started(t testing.TB) {
	t.Helper()
	s := &shared
	s.start.Do(func() {
		if s.local, s.err = truetime.NewLocalClock(); s.err != nil {
			return
		}
		if s.world, s.err = newWorld(s.local); s.err != nil {
			return
		}
		if s.dir, s.err = os.MkdirTemp("", "etcd-test"); s.err == nil {
			s.cluster, s.err = startCluster(context.Background(), s.dir)
		}
	})
	require.NoError(t, s.err)
}

// leaning returns a node whose clock is the true time + lean ± ε.
func leaning(t testing.TB, lean, ε time.Duration, through ...grpc.UnaryClientInterceptor) *node {
	t.Helper()
	started(t)
	n, err := newNode(fmt.Sprintf("the node that leans %v of %v", lean, ε), shared.world, shared.local, lean, ε, shared.cluster.endpoints(), 0, through...)
	require.NoError(t, err)
	t.Cleanup(func() { _ = n.client.Close() })
	return n
}

// owns has a node own the test's shard.
func owns(t testing.TB, n *node, shard string, options Options) *Owner {
	t.Helper()
	o, err := Campaign(t.Context(), n.client, shard, n.clock, options)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = o.Resign(ctx)
	})
	return o
}

// TestRun is the program: members are stopped, killed and restarted, shards change hands, an owner is stopped.
func TestRun(t *testing.T) {
	seed := fmt.Sprint(time.Now().UnixNano() % 1000)
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-for", "5s", "-clients", "12", "-seed", seed}, &out), "seed %s\n%s", seed, &out)
	require.Contains(t, out.String(), "the late write was refused")
	require.Contains(t, out.String(), "no snapshot changed")
	t.Log(out.String())
	require.Error(t, run(t.Context(), []string{"-break", "everything"}, &out))
}
