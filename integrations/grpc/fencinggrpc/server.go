package fencinggrpc

import (
	"context"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/trueclock/trueclock/truetime/fencing"
)

// The keys of the metadata: of a request, and of the trailer of the reply to one whose token is stale.
const (
	Key        = "fencing-token"
	HighestKey = "fencing-token-highest"
)

// UnaryServer returns an interceptor that runs methods inside of register.Do, if the token of the request is not stale. The handler finds
// it by fencing.FromContext. ResourceOf says what a request writes to, what has one holder at a time; write is false for a method that only
// reads, which then needs no token.
func UnaryServer(register *fencing.Register, resourceOf func(method string, request any) (resource string, write bool)) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (reply any, err error) {
		resource, write := resourceOf(info.FullMethod, request)
		if !write {
			return next(ctx, request)
		}
		token, err := tokenOf(ctx)
		if err != nil {
			return nil, refusal(err)
		}
		served := false
		err = register.Do(fencing.NewContext(ctx, token), resource, token, func(ctx context.Context) (err error) {
			served = true
			reply, err = next(ctx, request)
			return err
		})
		if served {
			return reply, err
		}
		var stale *fencing.StaleError
		if errors.As(err, &stale) {
			_ = grpc.SetTrailer(ctx, metadata.Pairs(HighestKey, stale.Highest.String()))
		}
		return nil, refusal(err)
	}
}

// StreamServer returns an interceptor that refuses streams without a token, and gives the handler those with one, by
// fencing.FromContext. It does not compare the token: the handler does, with each write, by Register.Do; and if it returns the
// [*fencing.StaleError] of that, wrapped or not, the client is told as by UnaryServer.
func StreamServer(writes func(method string) bool) grpc.StreamServerInterceptor {
	return func(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
		if !writes(info.FullMethod) {
			return next(server, stream)
		}
		token, err := tokenOf(stream.Context())
		if err != nil {
			return refusal(err)
		}
		err = next(server, &tokenStream{ServerStream: stream, ctx: fencing.NewContext(stream.Context(), token)})
		var stale *fencing.StaleError
		if errors.As(err, &stale) {
			stream.SetTrailer(metadata.Pairs(HighestKey, stale.Highest.String()))
			return refusal(stale)
		}
		return err
	}
}

type tokenStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *tokenStream) Context() context.Context { return s.ctx }

// tokenOf reads the one token of a request.
func tokenOf(ctx context.Context) (fencing.Token, error) {
	switch values := metadata.ValueFromIncomingContext(ctx, Key); len(values) {
	case 0:
		return 0, fencing.ErrNoToken
	case 1:
		return fencing.Parse(values[0])
	default:
		return 0, &fencing.ParseError{Text: "more than one " + Key}
	}
}

// refusal is why nothing was written, as a status. It tells nobody what our disk said.
func refusal(why error) error {
	switch {
	case errors.As(why, new(*fencing.StaleError)):
		return status.Error(codes.FailedPrecondition, why.Error())
	case errors.Is(why, fencing.ErrNoToken), errors.Is(why, fencing.ErrResource), errors.As(why, new(*fencing.ParseError)), errors.As(why, new(*fencing.StepError)):
		return status.Error(codes.InvalidArgument, why.Error())
	case errors.As(why, new(*fencing.FullError)):
		return status.Error(codes.ResourceExhausted, why.Error())
	case errors.Is(why, context.Canceled), errors.Is(why, context.DeadlineExceeded):
		return status.FromContextError(why).Err()
	}
	return status.Error(codes.Unavailable, "fencinggrpc: the token cannot be checked")
}
