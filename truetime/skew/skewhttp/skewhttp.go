// Package skewhttp lets nodes ask each other over HTTP for what package skew compares: what the wall clock
// shows, and the interval of the true time.
//
// The answer is the object that `clockctl serve` gives at /api/v1/interval (docs/schema), cut down to what is
// needed, so either can be asked by either. It reveals how well a clock is known and nothing else. There is no
// authentication: use a client and a server of your own with TLS where strangers can speak.
package skewhttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/skew"
)

const (
	schema        = "clockctl/v1"
	layout        = "2006-01-02T15:04:05.000000000Z07:00"
	largestAnswer = 1 << 20 // bytes; far more than anybody says
)

// answer is the object on the wire.
type answer struct {
	Schema   string    `json:"schema"`
	ReadAt   *string   `json:"read_at"`
	Interval *interval `json:"interval"`
	Error    *failure  `json:"error,omitempty"`
}

type interval struct {
	Earliest    string `json:"earliest"`
	Latest      string `json:"latest"`
	Uncertainty int64  `json:"uncertainty_ns"`
}

type failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Handler answers GET and HEAD with what look returns, usually by [skew.Look]: 200, or 503 with the reason if the node has no
// interval.
func Handler(look func() (skew.Node, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "GET only", http.StatusMethodNotAllowed)
			return
		}
		a, status := say(look())
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store") // an old interval is about an old reading
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(a) // who went away does not want to know
	})
}

func say(n skew.Node, err error) (answer, int) {
	if err == nil {
		err = n.Validate()
	}
	if err != nil {
		return answer{Schema: schema, Error: &failure{code(err), err.Error()}}, http.StatusServiceUnavailable
	}
	read, width := moment(n.Read), n.Latest-n.Earliest
	return answer{Schema: schema, ReadAt: &read, Interval: &interval{moment(n.Earliest), moment(n.Latest), width/2 + width%2}}, http.StatusOK
}

func code(err error) string {
	switch {
	case errors.As(err, new(*truetime.DisruptedError)):
		return "disrupted"
	case errors.Is(err, truetime.ErrStale):
		return "stale"
	case errors.Is(err, truetime.ErrUnsynchronized):
		return "unsynchronized"
	}
	return "internal"
}

func moment(nanos int64) string { return time.Unix(0, nanos).UTC().Format(layout) }

// NoIntervalError is what a node said that has no interval.
type NoIntervalError struct{ Code, Message string }

func (e *NoIntervalError) Error() string { return "it has no interval: " + e.Message }

// AnswerError says why an answer cannot be used: it is none of a node.
type AnswerError struct{ What string }

func (e *AnswerError) Error() string { return "skewhttp: " + e.What }

// DefaultClient asks without a proxy and follows no redirect: what another node says must not count as the word of
// the one that was asked.
var DefaultClient = &http.Client{
	Transport:     &http.Transport{MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true, MaxResponseHeaderBytes: 64 << 10},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Ask asks the node whose handler is at url. A nil client means [DefaultClient]. Errors: [*NoIntervalError],
// [*AnswerError], and those of the client.
func Ask(ctx context.Context, client *http.Client, url string) (skew.Node, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return skew.Node{}, err
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Cache-Control", "no-cache")
	if client == nil {
		client = DefaultClient
	}
	response, err := client.Do(request)
	if err != nil {
		return skew.Node{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, largestAnswer+1))
	switch {
	case err != nil:
		return skew.Node{}, err
	case len(body) > largestAnswer:
		return skew.Node{}, &AnswerError{"the answer is too long"}
	case !json.Valid(body):
		return skew.Node{}, &AnswerError{fmt.Sprintf("the answer (%s) is not JSON", response.Status)}
	}
	return Parse(body)
}

// Parse reads an answer, whatever else is in the object. Errors: [*NoIntervalError], [*AnswerError].
func Parse(body []byte) (skew.Node, error) {
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		return skew.Node{}, &AnswerError{err.Error()}
	}
	switch {
	case a.Schema != schema:
		return skew.Node{}, &AnswerError{fmt.Sprintf("the schema is %q, not %q", a.Schema, schema)}
	case a.Interval == nil && a.Error == nil:
		return skew.Node{}, &AnswerError{"neither an interval nor an error"}
	case a.Interval == nil:
		return skew.Node{}, &NoIntervalError{a.Error.Code, a.Error.Message}
	case a.ReadAt == nil:
		return skew.Node{}, &AnswerError{"read_at is missing"}
	}
	n := skew.Node{Known: true}
	for text, nanos := range map[*string]*int64{a.ReadAt: &n.Read, &a.Interval.Earliest: &n.Earliest, &a.Interval.Latest: &n.Latest} {
		at, err := time.Parse(time.RFC3339Nano, *text)
		if err != nil || at.Year() < 1970 || at.Year() > 2099 { // which int64 nanoseconds hold
			return skew.Node{}, &AnswerError{fmt.Sprintf("%q is no moment from 1970 to 2099", *text)}
		}
		*nanos = at.UnixNano()
	}
	var wrong *skew.NodeError
	if err := n.Validate(); errors.As(err, &wrong) {
		return skew.Node{}, &AnswerError{wrong.What}
	}
	return n, nil
}
