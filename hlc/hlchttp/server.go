package hlchttp

import (
	"context"
	"maps"
	"net/http"
)

// Server returns the middleware of a server: it makes the event of receipt of
// every request, and stamps every reply when its header is written. It returns
// [ErrNoClock] or [ErrNoTrust].
//
// It belongs outside of other middleware, so that their replies are stamped too.
// The http.ResponseWriter it hands on is an http.Flusher and http.Hijacker if the server's
// is; io.ReaderFrom and http.ResponseController work; http.Pusher is not handed on. A
// handler that hijacks the connection finds the stamp in Header(), to write it with its
// reply.
func Server(clock Clock, o Options) (func(http.Handler) http.Handler, error) {
	s, err := newSide(clock, o, sender)
	if err != nil {
		return nil, err
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { s.serve(rw, r, next) })
	}, nil
}

func (s *side) serve(rw http.ResponseWriter, r *http.Request, next http.Handler) {
	w := &writer{ResponseWriter: rw, side: s, request: r}
	receipt, err := s.receive(r, r.Header)
	if err != nil {
		w.refuse(err)
		return
	}
	// A handler that returns without a word leaves the reply to the server, one
	// that panics leaves it to whoever recovers.
	defer func() { _ = w.stamp() }()
	served := r.WithContext(context.WithValue(r.Context(), requestKey{}, receipt))
	served.Header = withoutStamp(r.Header)
	next.ServeHTTP(w.withAbilities(), served)
}

// withoutStamp is the header for the handler. The stamp is of this hop, and a handler that is a
// proxy would pass it on as its own. (The server's request must stay as it is.)
func withoutStamp(header http.Header) http.Header {
	if _, stamped := header[canonical]; stamped {
		header = maps.Clone(header)
		delete(header, canonical)
	}
	return header
}

// sender is the address of the connection: without the port, which is another one
// each time.
func sender(r *http.Request) string {
	if address, ok := address(r); ok {
		return address.String()
	}
	return r.RemoteAddr // of a listener that is not IP
}
