package serve

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// How much is remembered: an hour of looks, a day of minutes. Both are a few hundred kilobytes.
const (
	keptLooks   = 3600
	keptMinutes = 24 * 60
)

// Look is what was known at one moment.
type Look struct {
	At    time.Duration // on a clock that nobody sets, from any beginning
	Wall  time.Time     // what the operating system's clock showed
	State string        // of the clock
	Known bool          // there was an interval; else Low and High do not count
	// Low and High are the two ends of the interval minus Wall, in ns.
	Low, High int64
}

// Span is what was known over some time. Its Low and High hold those of every look in it, so that a band drawn
// from spans is nowhere narrower than what it stands for.
type Span struct {
	From, To       time.Duration // the first look, and the last
	Wall           time.Time     // of the first
	State          string        // the worst
	Known, Unknown int           // looks
	Low, High      int64         // of those that are known
}

// History remembers looks, the older ones by the minute. The zero History is ready to use and safe for concurrent use; looks come
// in the order of time.
type History struct {
	mu      sync.Mutex
	looks   ring
	minutes ring
}

// Add takes a look down.
func (h *History) Add(l Look) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.looks.push(l.span(), keptLooks)
	if last := h.minutes.last(); last != nil && last.From/time.Minute == l.At/time.Minute {
		last.join(l.span())
		return
	}
	h.minutes.push(l.span(), keptMinutes)
}

// Spans returns the looks of the last hour and the minutes of the last day, the oldest first. The newest minute is not over.
func (h *History) Spans() (looks, minutes []Span) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.looks.list(), h.minutes.list()
}

func (l Look) span() Span {
	s := Span{From: l.At, To: l.At, Wall: l.Wall, State: l.State, Unknown: 1}
	if l.Known {
		s.Known, s.Unknown, s.Low, s.High = 1, 0, l.Low, l.High
	}
	return s
}

// join adds a later span.
func (s *Span) join(later Span) {
	switch {
	case s.Known == 0:
		s.Low, s.High = later.Low, later.High
	case later.Known > 0:
		s.Low, s.High = min(s.Low, later.Low), max(s.High, later.High)
	}
	if severity[later.State] > severity[s.State] {
		s.State = later.State
	}
	s.To, s.Known, s.Unknown = later.To, s.Known+later.Known, s.Unknown+later.Unknown
}

var severity = map[string]int{"synchronized": 0, "holdover": 1, "unsynchronized": 2, "disrupted": 3}

// ring holds the newest spans.
type ring struct {
	spans []Span
	next  int // where the next one goes, once it is full
}

func (r *ring) push(s Span, most int) {
	if len(r.spans) < most {
		r.spans = append(r.spans, s)
		return
	}
	r.spans[r.next] = s
	r.next = (r.next + 1) % most
}

// last is the newest one, nil if there is none.
func (r *ring) last() *Span {
	if len(r.spans) == 0 {
		return nil
	}
	return &r.spans[(r.next+len(r.spans)-1)%len(r.spans)]
}

func (r *ring) list() []Span {
	return append(append(make([]Span, 0, len(r.spans)), r.spans[r.next:]...), r.spans[:r.next]...)
}

// past is the object of /api/v1/history as it was last made: all who ask within a second share one copy, since it is large.
type past struct {
	mu   sync.Mutex
	made time.Time
	text []byte
}

func (s *Server) history(w http.ResponseWriter, _ *http.Request) {
	text, err := s.past.get(s.config.History, s.config.Every)
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text)
}

func (p *past) get(object func() any, every time.Duration) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.text != nil && time.Since(p.made) < every {
		return p.text, nil
	}
	text, err := json.Marshal(object())
	if err != nil {
		return nil, err
	}
	p.text, p.made = append(text, '\n'), time.Now()
	return p.text, nil
}
