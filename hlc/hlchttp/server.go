package hlchttp

import (
	"context"
	"errors"
	"net/http"

	"github.com/trueclock/trueclock/hlc"
)

// Server returns the middleware of a server: it makes the event of receipt of
// every request, and stamps every reply when its header is written. It returns
// [ErrNoClock] or [ErrNoTrust].
//
// It belongs outside of other middleware, so that their replies are stamped too.
// The http.ResponseWriter it hands on has those of the methods of http.Flusher,
// http.Hijacker and http.Pusher that the server's has; io.ReaderFrom and
// http.ResponseController work. A handler that hijacks the connection finds the
// stamp in Header(), to write it with its reply.
func Server(clock Clock, o Options) (func(http.Handler) http.Handler, error) {
	s, err := newSide(clock, o)
	if err != nil {
		return nil, err
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { s.serve(rw, r, next) })
	}, nil
}

func (s *side) serve(rw http.ResponseWriter, r *http.Request, next http.Handler) {
	w := &writer{ResponseWriter: rw, side: s, request: r}
	// A handler that returns without a word leaves the reply to the server, one
	// that panics leaves it to whoever recovers.
	defer w.stamp()
	receipt, err := s.receive(r.Context(), r, r.Header)
	switch {
	case err != nil:
		http.Error(w, "hlchttp: the clock of this server fails", http.StatusServiceUnavailable) // the reason is for OnRefused alone
	case s.fatal(receipt.Refused):
		http.Error(w, receipt.Refused.Error(), status(receipt.Refused))
	default:
		next.ServeHTTP(w.withAbilities(), r.WithContext(context.WithValue(r.Context(), receiptKey{}, receipt)))
	}
}

// status is the code of a reply to a request that is refused. None of them is
// cached unless a reply says so, and clients do not send the same again.
func status(why error) int {
	switch {
	case errors.Is(why, ErrUntrusted):
		return http.StatusForbidden
	case errors.As(why, new(*hlc.NoLatestError)), errors.Is(why, hlc.ErrExhausted):
		return http.StatusServiceUnavailable // it is our clock that does not know
	}
	return http.StatusBadRequest
}
