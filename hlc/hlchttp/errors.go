package hlchttp

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/trueclock/trueclock/hlc"
)

var (
	// ErrNoTrust: Options.Trusted is nil, so nobody decided who may move the clock.
	ErrNoTrust = errors.New("hlchttp: Options.Trusted is nil; say who may move this clock: Networks, Certificates, Hosts, Everyone or a function")
	// ErrNoClock: there is no clock to stamp with.
	ErrNoClock = errors.New("hlchttp: the clock is nil")
	// ErrMissing: a request or a reply came without a timestamp.
	ErrMissing = errors.New("hlchttp: there is no " + Header + " header")
	// ErrUntrusted: it came with one, from a peer that may not move this clock.
	ErrUntrusted = errors.New("hlchttp: the peer is not trusted to move this clock")
)

// MalformedError reports what is not one header with one timestamp.
type MalformedError struct {
	Headers int   // how many there are
	Err     error // the *hlc.ParseError, if there is one
}

func (e *MalformedError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("hlchttp: there are %d %s headers instead of one", e.Headers, Header)
	}
	return fmt.Sprintf("hlchttp: %s header: %v", Header, e.Err)
}

func (e *MalformedError) Unwrap() error { return e.Err }

// ClockError reports that this side's own clock gave no timestamp, so that nothing was
// stamped.
type ClockError struct{ Err error }

func (e *ClockError) Error() string { return fmt.Sprintf("hlchttp: the clock has failed: %v", e.Err) }

func (e *ClockError) Unwrap() error { return e.Err }

// refusal reports whether err, of Clock.UpdateFrom, speaks of the remote timestamp.
// Whatever is not known counts as a failure of the clock.
func refusal(err error) bool {
	return errors.Is(err, hlc.ErrUnset) || errors.Is(err, hlc.ErrExhausted) ||
		errors.As(err, new(*hlc.TooFarAheadError)) || errors.As(err, new(*hlc.LogicalTooHighError)) || errors.As(err, new(*hlc.NoLatestError))
}

// status is the code of the reply to a request that was not ordered: no cache keeps one of
// them by itself, and no client sends the same again by itself.
func status(why error) int {
	switch {
	case errors.As(why, new(*ClockError)), errors.As(why, new(*hlc.NoLatestError)):
		return http.StatusServiceUnavailable // it is not the sender's fault
	case errors.Is(why, ErrUntrusted):
		return http.StatusForbidden
	}
	return http.StatusBadRequest
}
