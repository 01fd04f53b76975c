package fencinggrpc_test

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	health "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/trueclock/trueclock/integrations/grpc/fencinggrpc"
	"github.com/trueclock/trueclock/truetime/fencing"
)

// storage takes the calls of a health service for writes: Check writes the name of the service, List reads, Watch is a stream of writes.
type storage struct {
	health.UnimplementedHealthServer
	register *fencing.Register
	writes   chan string
}

func (s *storage) Check(ctx context.Context, r *health.HealthCheckRequest) (*health.HealthCheckResponse, error) {
	token, _ := fencing.FromContext(ctx)
	s.writes <- token.String() + " " + r.Service
	return &health.HealthCheckResponse{}, nil
}

func (s *storage) List(context.Context, *health.HealthListRequest) (*health.HealthListResponse, error) {
	return &health.HealthListResponse{}, nil
}

func (s *storage) Watch(r *health.HealthCheckRequest, stream grpc.ServerStreamingServer[health.HealthCheckResponse]) error {
	token, _ := fencing.FromContext(stream.Context())
	if err := s.register.Do(stream.Context(), r.Service, token, func(context.Context) error { return nil }); err != nil {
		return fmt.Errorf("a write of the stream: %w", err)
	}
	return stream.Send(&health.HealthCheckResponse{})
}

func started(t *testing.T, o fencing.Options) (*storage, health.HealthClient) {
	t.Helper()
	o.Dir = t.TempDir()
	register, err := fencing.Open(o)
	require.NoError(t, err)
	s := &storage{register: register, writes: make(chan string, 10)}
	resourceOf := func(method string, request any) (string, bool) {
		r, ok := request.(*health.HealthCheckRequest)
		return r.GetService(), ok
	}
	server := grpc.NewServer(
		grpc.UnaryInterceptor(fencinggrpc.UnaryServer(register, resourceOf)),
		grpc.StreamInterceptor(fencinggrpc.StreamServer(func(string) bool { return true })))
	health.RegisterHealthServer(server, s)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithUnaryInterceptor(fencinggrpc.UnaryClient()), grpc.WithStreamInterceptor(fencinggrpc.StreamClient()))
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, conn.Close())
		server.Stop()
		require.NoError(t, <-ended)
		require.NoError(t, register.Close())
	})
	return s, health.NewHealthClient(conn)
}

func with(t *testing.T, token fencing.Token) context.Context {
	ctx, cancel := context.WithTimeout(fencing.NewContext(t.Context(), token), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestUnary_33After34(t *testing.T) {
	s, client := started(t, fencing.Options{})
	file := &health.HealthCheckRequest{Service: "file"}
	_, err := client.Check(with(t, 34), file)
	require.NoError(t, err)
	_, err = client.Check(with(t, 33), file)
	require.Equal(t, codes.FailedPrecondition, status.Code(err))
	var stale *fencing.StaleError
	require.ErrorAs(t, err, &stale)
	require.Equal(t, fencing.StaleError{Resource: health.Health_Check_FullMethodName, Token: 33, Highest: 34}, *stale)
	_, err = client.Check(metadata.AppendToOutgoingContext(with(t, 34), fencinggrpc.Key, "33"), file)
	require.NoError(t, err, "the token of the context takes the place of any other")
	require.Equal(t, "34 file", <-s.writes)
	require.Equal(t, "34 file", <-s.writes)
	require.Empty(t, s.writes)
}

func TestUnary_RefusesWhatIsNone(t *testing.T) {
	s, client := started(t, fencing.Options{MaxStep: 100, MaxResources: 1})
	code := func(ctx context.Context, resource string) codes.Code {
		_, err := client.Check(ctx, &health.HealthCheckRequest{Service: resource})
		return status.Code(err)
	}
	by := func(tokens ...string) context.Context {
		ctx := t.Context()
		for _, token := range tokens {
			ctx = metadata.AppendToOutgoingContext(ctx, fencinggrpc.Key, token)
		}
		return ctx
	}
	require.Equal(t, codes.InvalidArgument, code(by(), "file"), "no token")
	require.Equal(t, codes.InvalidArgument, code(by("1", "2"), "file"))
	require.Equal(t, codes.InvalidArgument, code(by("x"), "file"))
	require.Equal(t, codes.InvalidArgument, code(by("101"), "file"), "too far")
	require.Equal(t, codes.InvalidArgument, code(by("1"), ""), "no resource")
	require.Equal(t, codes.OK, code(by("1"), "file"))
	require.Equal(t, codes.ResourceExhausted, code(by("1"), "another"))
	_, err := client.List(t.Context(), &health.HealthListRequest{})
	require.NoError(t, err, "who only reads needs none")
	require.NoError(t, s.register.Close())
	require.Equal(t, codes.Unavailable, code(by("1"), "file"))
}

func TestStream_CarriesTheToken(t *testing.T) {
	s, client := started(t, fencing.Options{})
	var trailer metadata.MD
	watch := func(ctx context.Context) error {
		stream, err := client.Watch(ctx, &health.HealthCheckRequest{Service: "file"})
		require.NoError(t, err)
		_, err = stream.Recv()
		trailer = stream.Trailer()
		return err
	}
	require.NoError(t, watch(with(t, 34)))
	require.Equal(t, fencing.Token(34), s.register.Highest("file"))
	require.Equal(t, codes.FailedPrecondition, status.Code(watch(with(t, 33))), "the handler gives back what Do said")
	require.Equal(t, []string{"34"}, trailer.Get(fencinggrpc.HighestKey))
	require.Equal(t, codes.InvalidArgument, status.Code(watch(t.Context())))
}
