package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// hub hands each event to all who listen. It is safe for concurrent use.
type hub struct {
	limit int

	mu        sync.Mutex
	listeners map[chan []byte]bool
	closed    bool
}

func newHub(limit int) *hub { return &hub{limit: limit, listeners: map[chan []byte]bool{}} }

// join returns a channel of events that is closed at the end, or nil if too many listen already.
func (h *hub) join() chan []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || len(h.listeners) >= h.limit {
		return nil
	}
	events := make(chan []byte, 1)
	h.listeners[events] = true
	return events
}

func (h *hub) leave(events chan []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.listeners, events)
}

// send gives everybody the event. Who has not read the one before loses that: only the
// newest matters, and one who reads slowly must not hold up the others.
func (h *hub) send(event []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for events := range h.listeners {
		select {
		case <-events:
		default:
		}
		events <- event
	}
}

func (h *hub) empty() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.listeners) == 0
}

// close ends all streams, and those that would still come.
func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for events := range h.listeners {
		close(events)
	}
	clear(h.listeners)
}

// produce makes an event every so often, as long as somebody listens.
func (s *Server) produce(ctx context.Context) {
	defer s.events.close()
	ticker := time.NewTicker(s.config.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if !s.events.empty() {
				s.events.send(s.event())
			}
		}
	}
}

// event is one in the form of the stream: a line of data and an empty one.
func (s *Server) event() []byte {
	text, err := json.Marshal(s.config.Live())
	if err != nil {
		return []byte(": an event could not be made\n\n")
	}
	return append(append([]byte("data: "), text...), "\n\n"...)
}

// listen is a stream of server-sent events: the state at once, then whenever there is a new
// one, and comments that show proxies and the server itself that the connection is alive.
// Source: HTML Living Standard, §9.2.
func (s *Server) listen(w http.ResponseWriter, r *http.Request) {
	events := s.events.join()
	if events == nil {
		w.Header().Set("Retry-After", "5")
		say(w, http.StatusServiceUnavailable, "too many listeners")
		return
	}
	defer s.events.leave(events)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // of nginx
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{}) // else the stream ends when the request's time to be read does
	write := func(text []byte) bool {
		_ = control.SetWriteDeadline(time.Now().Add(writeTimeout)) // of this event; a recorder in a test has none
		_, err := w.Write(text)
		return err == nil && control.Flush() == nil
	}
	if !write(bytes.Join([][]byte{[]byte("retry: 1000\n\n"), s.event()}, nil)) {
		return
	}
	heartbeat := time.NewTicker(s.config.Heartbeat)
	defer heartbeat.Stop()
	for alive := true; alive; {
		select {
		case <-r.Context().Done():
			return
		case event, more := <-events:
			alive = more && write(event)
		case <-heartbeat.C:
			alive = write([]byte(": alive\n\n"))
		}
	}
}
