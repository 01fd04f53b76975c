package fencinggrpc

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/trueclock/trueclock/truetime/fencing"
)

// UnaryClient returns an interceptor that sends the token of the context (fencing.NewContext, lease.Guard.Do), if it has one. When the server
// says that it is stale, the error is a [*RefusedError].
func UnaryClient() grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, request, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
		token, ok := fencing.FromContext(ctx)
		if !ok {
			return invoke(ctx, method, request, reply, cc, options...)
		}
		var trailer metadata.MD
		err := invoke(with(ctx, token), method, request, reply, cc, append(options[:len(options):len(options)], grpc.Trailer(&trailer))...)
		highest := trailer.Get(HighestKey)
		if status.Code(err) != codes.FailedPrecondition || len(highest) != 1 {
			return err
		}
		parsed, bad := fencing.Parse(highest[0])
		if bad != nil {
			return err
		}
		return &RefusedError{StaleError: fencing.StaleError{Resource: method, Token: token, Highest: parsed}, status: status.Convert(err)}
	}
}

// StreamClient returns an interceptor that sends the token of the context with a stream, if it has one.
func StreamClient() grpc.StreamClientInterceptor {
	return func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
		if token, ok := fencing.FromContext(ctx); ok {
			ctx = with(ctx, token)
		}
		return streamer(ctx, desc, cc, method, options...)
	}
}

// with sends the token, and no other that the context may have had.
func with(ctx context.Context, token fencing.Token) context.Context {
	md, _ := metadata.FromOutgoingContext(ctx) // a copy
	if md == nil {
		md = metadata.MD{}
	}
	md.Set(Key, token.String())
	return metadata.NewOutgoingContext(ctx, md)
}

// RefusedError is a *fencing.StaleError (by errors.As), whose Resource is the method, and the status that came with it.
type RefusedError struct {
	fencing.StaleError
	status *status.Status
}

// Unwrap returns the *fencing.StaleError.
func (e *RefusedError) Unwrap() error { return &e.StaleError }

// GRPCStatus is what status.Code looks for.
func (e *RefusedError) GRPCStatus() *status.Status { return e.status }
