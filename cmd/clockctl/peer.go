package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

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

// peerURL turns HOST, HOST:PORT or a URL into where the interval is, the same for each spelling
// of an address, so that no node has two votes.
func peerURL(name string) (string, error) {
	no := errors.New("it is not HOST, HOST:PORT or http://HOST:PORT")
	text := name
	if !strings.Contains(name, "://") {
		host, port, err := net.SplitHostPort(name)
		if err != nil {
			_, port, _ = net.SplitHostPort(defaultListen)
			if host = name; strings.HasPrefix(name, "[") && strings.HasSuffix(name, "]") {
				host = name[1 : len(name)-1]
			}
		}
		if port == "" || strings.ContainsAny(host, "[]/?#@") {
			return "", no
		}
		text = (&url.URL{Scheme: "http", Host: net.JoinHostPort(host, port)}).String() // a zone has its % escaped
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", no
	}
	host, port := strings.ToLower(u.Hostname()), cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	if address, err := netip.ParseAddr(host); err == nil {
		host = address.Unmap().String()
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 {
		return "", fmt.Errorf("port %q is not a number from 1 to 65535", port)
	}
	u.Host, u.ForceQuery = net.JoinHostPort(host, strconv.FormatUint(number, 10)), false
	return u.JoinPath("api/v1/interval").String(), nil
}

// peerURLs is peerURL of each. It returns a usageError for one that is none, and for one that is named twice.
func peerURLs(names []string) (urls []string, err error) {
	for _, name := range names {
		url, err := peerURL(name)
		switch {
		case err != nil:
			return nil, &usageError{fmt.Errorf("peer %q: %w", withoutPassword(name), err)}
		case slices.Contains(urls, url):
			return nil, &usageError{fmt.Errorf("peer %q is named twice, and counts once", name)}
		}
		urls = append(urls, url)
	}
	return urls, nil
}

// askPeer asks one peer between two readings of the local clock. What it says goes to a terminal,
// where it must not be more than text.
func askPeer(ctx context.Context, local truetime.LocalClock, address string, timeout time.Duration) peerAnswer {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	a, err := exchangeWithPeer(ctx, local, address)
	switch interrupted := interruption(ctx); {
	case err != nil && interrupted != nil:
		err = interrupted
	case errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("no answer within %v", timeout)
	}
	if err != nil {
		a.reason = firstLine(err)
	}
	a.status, a.reason = brief(a.status), brief(a.reason)
	return a
}

// brief is what a stranger says, without what could steer a terminal, and not more than a line of it.
func brief(text string) string {
	const most = 300
	if text = visible(text); utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most]) + "…"
	}
	return text
}

func exchangeWithPeer(ctx context.Context, local truetime.LocalClock, address string) (peerAnswer, error) {
	sent, err := local.Read()
	if err != nil {
		return peerAnswer{}, err
	}
	body, err := get(ctx, address)
	if errors.As(err, new(*notJSONError)) {
		err = fmt.Errorf("%w; does clockctl serve run there?", err)
	}
	if err != nil {
		return peerAnswer{}, err
	}
	got, err := local.Read()
	if err != nil {
		return peerAnswer{}, err
	}
	a, err := understandPeer(body)
	a.node.Sent, a.node.Got = sent, got
	return a, err
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
		a.reason = cmp.Or(o.Error.Message, "it has none, and does not say why")
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
	width := a.node.Latest - a.node.Earliest
	a.node.Known, a.uncertainty = true, width/2+width%2
	return a, nil
}
