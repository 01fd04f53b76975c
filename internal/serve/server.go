package serve

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"time"
)

// Limits of what a client can hold on to.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	writeTimeout  = 15 * time.Second // of one answer, or of one event
	idleTimeout   = time.Minute
	stopTimeout   = 5 * time.Second // for answers under way at the end
	headerBytes   = 16 << 10
)

// Config says what a server answers. All functions are called concurrently.
type Config struct {
	// Interval is the object of /api/v1/interval, and nil or the reason why there is no interval.
	Interval func() (any, error)
	Sources  func() any // the object of /api/v1/sources
	Live     func() any // the data of an event
	History  func() any // the object of /api/v1/history, made anew not more often than events
	Metrics  http.Handler

	// Hosts are names by which the server is called, beside those of loopback, without a port. If there are any, or
	// it listens on loopback alone, it answers to no other name: see called.
	Hosts []string

	Every     time.Duration // pause between two events; default 1 s
	Heartbeat time.Duration // pause between two comments that keep a connection alive; default 15 s
	Listeners int           // how many may listen to events at once; default 32
	// Connections is how many may be open at once, those of listeners too: see crowd. Default 128 + Listeners.
	Connections int
}

// Server answers requests. Make one with New and call Serve once.
type Server struct {
	config Config
	events *hub
	mux    http.Handler
	past   past
}

// New returns a server that does not listen yet.
func New(c Config) *Server {
	setDefault(&c.Every, time.Second)
	setDefault(&c.Heartbeat, 15*time.Second)
	setDefault(&c.Listeners, 32)
	setDefault(&c.Connections, 128+c.Listeners)
	s := &Server{config: c, events: newHub(c.Listeners)}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/v1/interval", s.interval)
	mux.HandleFunc("/api/v1/sources", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, c.Sources()) })
	mux.HandleFunc("/api/v1/history", s.history)
	mux.HandleFunc("/api/v1/events", s.listen)
	mux.Handle("/metrics", c.Metrics)
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "alive") })
	mux.HandleFunc("/readyz", s.ready)
	files(mux)
	s.mux = mux
	return s
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Serve answers on a listener until ctx ends, then stops listening, lets answers under way
// end, ends the event streams and returns nil. It owns every goroutine.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	crowd := newCrowd(s.config.Connections)
	h := &http.Server{
		ConnState: crowd.changed,
		Handler:   careful(called(s.config.Hosts, l.Addr(), s.mux)), ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: headerBytes,
		ErrorLog:                     discard, // what clients do wrong is not for our stderr
		DisableGeneralOptionsHandler: true,    // GET only
	}
	served := make(chan error, 1)
	go func() { served <- h.Serve(l) }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	produced := make(chan struct{})
	go func() { defer close(produced); s.produce(ctx) }()
	var err error
	select {
	case <-ctx.Done():
	case err = <-served: // the listener failed
	}
	cancel()
	<-produced // which has told all who listen to events
	limited, stop := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer stop()
	crowd.disperse() // Shutdown would give those that have said nothing yet 5 s
	if h.Shutdown(limited) != nil {
		_ = h.Close() // somebody reads too slowly
	}
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}

func (s *Server) interval(w http.ResponseWriter, _ *http.Request) {
	object, err := s.config.Interval()
	if err != nil {
		answer(w, http.StatusServiceUnavailable, object)
		return
	}
	answer(w, http.StatusOK, object)
}

func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	if _, err := s.config.Interval(); err != nil {
		say(w, http.StatusServiceUnavailable, "no interval: "+err.Error())
		return
	}
	say(w, http.StatusOK, "ready")
}

// answer sends an object on one line.
func answer(w http.ResponseWriter, code int, object any) {
	text, err := json.Marshal(object)
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(append(text, '\n'))
}

func say(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(text + "\n"))
}
