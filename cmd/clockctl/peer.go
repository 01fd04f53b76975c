package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/trueclock/trueclock/internal/skew"
	"github.com/trueclock/trueclock/truetime"
)

// peerAnswer is what a peer said, or why it said nothing that can be used.
type peerAnswer struct {
	name        string // as it was given
	node        skew.Node
	status      string // "" if it did not answer
	uncertainty int64  // half width in ns
	reason      string // "" if there is an interval
}

// peerURL turns HOST, HOST:PORT or a URL into where the interval is.
func peerURL(name string) (string, error) {
	if !strings.Contains(name, "://") {
		if _, _, err := net.SplitHostPort(name); err != nil {
			_, port, _ := net.SplitHostPort(defaultListen)
			name = net.JoinHostPort(strings.Trim(name, "[]"), port)
		}
		name = "http://" + name
	}
	u, err := url.Parse(name)
	switch {
	case err != nil:
		return "", err
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return "", errors.New("it is not HOST, HOST:PORT or http://HOST:PORT")
	}
	return u.JoinPath("api/v1/interval").String(), nil
}

// askPeer asks one peer between two readings of the local clock.
func askPeer(ctx context.Context, local truetime.LocalClock, address string, timeout time.Duration) peerAnswer {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	sent, err := local.Read()
	if err != nil {
		return peerAnswer{reason: firstLine(err)}
	}
	body, err := get(ctx, address)
	if errors.As(err, new(*notJSONError)) {
		err = fmt.Errorf("%w; does clockctl serve run there?", err)
	}
	if err != nil {
		return peerAnswer{reason: firstLine(err)}
	}
	got, err := local.Read()
	if err != nil {
		return peerAnswer{reason: firstLine(err)}
	}
	a, err := understandPeer(body)
	if err != nil {
		return peerAnswer{reason: firstLine(err)}
	}
	a.node.Sent, a.node.Got = sent, got
	return a
}

// understandPeer reads the object of /api/v1/interval. It returns an error for what is
// none, or whose times do not fit each other.
func understandPeer(body []byte) (peerAnswer, error) {
	var o serveIntervalJSON
	if err := json.Unmarshal(body, &o); err != nil {
		return peerAnswer{}, err
	}
	a := peerAnswer{status: o.Status}
	switch {
	case o.Schema != schema:
		return a, fmt.Errorf("the schema is %q, not %q", o.Schema, schema)
	case o.Interval == nil && o.Error == nil:
		return a, errors.New("neither an interval nor an error")
	case o.Interval == nil:
		a.reason = o.Error.Message
		return a, nil
	case o.ReadAt == nil:
		return a, errors.New("read_at is missing")
	}
	for text, nanos := range map[*string]*int64{o.ReadAt: &a.node.Read, &o.Interval.Earliest: &a.node.Earliest, &o.Interval.Latest: &a.node.Latest} {
		at, err := time.Parse(time.RFC3339Nano, *text)
		if err != nil || at.Year() < 1970 || at.Year() > 2099 { // what internal/skew can subtract
			return a, fmt.Errorf("%q is no moment from 1970 to 2099", *text)
		}
		*nanos = at.UnixNano()
	}
	if a.node.Earliest > a.node.Latest {
		return a, errors.New("the interval is inverted")
	}
	a.node.Known, a.uncertainty = true, o.Interval.Uncertainty
	return a, nil
}
