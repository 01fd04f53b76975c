package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// largestAnswer is far more than a serve says.
const largestAnswer = 1 << 20

// serveError says why a running serve gave no answer that can be used.
type serveError struct {
	url string
	err error
}

func (e *serveError) Error() string {
	return fmt.Sprintf("%s: %v; is clockctl serve running there?", e.url, e.err)
}
func (e *serveError) Unwrap() error { return e.err }

// askServe asks a running serve for its interval. It returns a usageError for an
// URL that cannot be one, and a serveError if there is no answer, or one that lacks what check
// needs: a guess would be worse than none.
func askServe(ctx context.Context, base string, timeout time.Duration) (observation, error) {
	address, err := serveURL(base)
	if err != nil {
		return observation{}, &usageError{fmt.Errorf("--from %q: %w", withoutPassword(base), err)}
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	body, err := get(ctx, address)
	if err != nil {
		return observation{}, &serveError{withoutPassword(address), err}
	}
	o, err := parseServe(body)
	if err != nil {
		return observation{}, &serveError{withoutPassword(address), err}
	}
	return o, nil
}

var userinfo = regexp.MustCompile(`://[^/]*@`)

// withoutPassword is a URL, well formed or not, for everybody's eyes.
func withoutPassword(text string) string { return userinfo.ReplaceAllString(text, "://…@") }

// serveURL is where the interval is.
func serveURL(base string) (string, error) {
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	u, err := url.Parse(base)
	switch {
	case err != nil:
		return "", errors.New("it is no URL") // the parser's text has the URL in it
	case u.Scheme != "http" && u.Scheme != "https":
		return "", errors.New("neither http nor https")
	case u.Host == "" || u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("write http://HOST:PORT")
	}
	return u.JoinPath("api/v1/interval").String(), nil
}

// notJSONError says that what answered is no serve.
type notJSONError struct{ status string }

func (e *notJSONError) Error() string { return fmt.Sprintf("the answer (%s) is not JSON", e.status) }

// get returns the body, whatever the status: without an interval serve says so with another one
// than 200, and what is no answer of a serve does not parse. It goes nowhere else than to address: who
// answers in another's name would be counted twice.
func get(ctx context.Context, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Cache-Control", "no-cache") // an old interval is about an old reading
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err // its text would name the URL again
		}
		return nil, err
	}
	defer response.Body.Close()
	if to := response.Header.Get("Location"); to != "" {
		return nil, fmt.Errorf("the answer (%s) sends us to %q; name that address, if it is the one", response.Status, to)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, largestAnswer+1))
	switch {
	case err != nil:
		return nil, err
	case len(body) > largestAnswer:
		return nil, errors.New("the answer is too long")
	case !json.Valid(body):
		return nil, &notJSONError{response.Status}
	}
	return body, nil
}

// servedJSON is what check needs of the object, absent told apart from zero.
type servedJSON struct {
	resultJSON
	Agreed       *int `json:"agreed"`
	SourcesTotal *int `json:"sources_total"`
}

// parseServe reads the object of /api/v1/interval, which is that of now and sources_total. An object
// without an interval must have an error.
func parseServe(body []byte) (observation, error) {
	var served servedJSON
	if err := json.Unmarshal(body, &served); err != nil {
		return observation{}, err
	}
	m, err := checkServed(&served.resultJSON)
	switch {
	case err != nil:
		return observation{}, err
	case served.Agreed == nil || served.SourcesTotal == nil:
		return observation{}, errors.New("agreed or sources_total is missing")
	case *served.Agreed < 0 || *served.Agreed > *served.SourcesTotal:
		return observation{}, fmt.Errorf("%d of %d sources agree", *served.Agreed, *served.SourcesTotal)
	}
	o := observation{now: served.resultJSON, total: *served.SourcesTotal}
	if o.now.Agreed = *served.Agreed; served.Interval != nil {
		o.measure(m.read, m.earliest, m.latest, time.Duration(served.Interval.Uncertainty))
	}
	return o, nil
}
