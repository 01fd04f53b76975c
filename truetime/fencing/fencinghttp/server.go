package fencinghttp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/trueclock/trueclock/truetime/fencing"
)

// The headers: of a request that writes, and of the reply to one whose token is stale.
const (
	Header        = "Fencing-Token"
	HighestHeader = "Fencing-Token-Highest"
)

// DefaultMaxBody is the largest body of a request, unless configured.
const DefaultMaxBody = 1 << 20

// Options configures [Server]. Resource must be set.
type Options struct {
	// Resource says what a request writes to: what has one holder at a time. "" is refused.
	Resource func(*http.Request) string
	// MaxBody is the largest body in bytes, which is kept in memory before the token is looked at; 0 means DefaultMaxBody.
	MaxBody int64
}

// Server returns the middleware of a storage: a handler behind it runs inside of register.Do, if the request's token is not stale,
// and finds the token by fencing.FromContext. Put it around what writes, and not around what only reads.
func Server(register *fencing.Register, o Options) (func(http.Handler) http.Handler, error) {
	if register == nil || o.Resource == nil {
		return nil, errors.New("fencinghttp: it needs a register, and to know the resource of a request")
	}
	if o.MaxBody == 0 {
		o.MaxBody = DefaultMaxBody
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serve(register, o, next, w, r) })
	}, nil
}

func serve(register *fencing.Register, o Options, next http.Handler, w http.ResponseWriter, r *http.Request) {
	token, err := tokenOf(r.Header)
	if err != nil {
		refuse(w, err)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, o.MaxBody))
	if err != nil {
		refuse(w, &bodyError{err})
		return
	}
	served := false
	err = register.Do(r.Context(), o.Resource(r), token, func(ctx context.Context) error {
		served = true
		request := r.WithContext(fencing.NewContext(ctx, token))
		request.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, request)
		return nil
	})
	if !served {
		refuse(w, err)
	}
}

// bodyError is a request that did not arrive.
type bodyError struct{ error }

func (e *bodyError) Unwrap() error { return e.error }

// tokenOf reads the one header with the token.
func tokenOf(header http.Header) (fencing.Token, error) {
	switch values := header.Values(Header); len(values) {
	case 0:
		return 0, fencing.ErrNoToken
	case 1:
		return fencing.Parse(values[0])
	default:
		return 0, &fencing.ParseError{Text: "more than one " + Header}
	}
}

// refuse replies that nothing was written, and why. It tells nobody what our disk said.
func refuse(w http.ResponseWriter, why error) {
	text, code := why.Error(), http.StatusServiceUnavailable
	var stale *fencing.StaleError
	switch {
	case errors.Is(why, fencing.ErrNoToken):
		code = http.StatusPreconditionRequired
	case errors.As(why, &stale):
		w.Header().Set(HighestHeader, stale.Highest.String())
		code = http.StatusPreconditionFailed
	case errors.As(why, new(*http.MaxBytesError)):
		code = http.StatusRequestEntityTooLarge
	case errors.As(why, new(*fencing.ParseError)), errors.Is(why, fencing.ErrResource), errors.As(why, new(*fencing.StepError)),
		errors.As(why, new(*bodyError)):
		code = http.StatusBadRequest
	case errors.As(why, new(*fencing.FullError)):
	default:
		text = "fencinghttp: the token cannot be checked"
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, text, code)
}
