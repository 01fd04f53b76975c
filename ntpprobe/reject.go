package ntpprobe

import (
	"fmt"
	"strings"
)

// Reason is a stable code for why a sample or a source is not used. A kiss of
// death carries its own code after a colon.
type Reason string

// Reasons why an exchange gave no sample. The first group means that nothing
// usable was received at all.
const (
	ReasonTimeout Reason = "timeout"  // no reply in time
	ReasonResolve Reason = "resolve"  // the name does not resolve
	ReasonRefused Reason = "refused"  // nobody listens on that port
	ReasonNoRoute Reason = "no_route" // the network cannot send there

	ReasonKiss           Reason = "kiss_of_death"  // always followed by ":" and the code
	ReasonUnsynchronized Reason = "unsynchronized" // the server has no time itself
	ReasonImpossible     Reason = "impossible"     // the stamps contradict causality
	ReasonRootDistance   Reason = "root_distance"  // the server's claimed error is too large
	ReasonRoundTrip      Reason = "round_trip"     // the reply took too long
	ReasonMalformed      Reason = "malformed"      // not an NTP reply to our request
	ReasonStratum        Reason = "stratum"        // stratum 0 without a code, or above 15
	ReasonLoop           Reason = "loop"           // the server takes its time from us
	ReasonSmear          Reason = "smear"          // the server smears leap seconds and was not declared to
	ReasonLeap           Reason = "leap"           // taken when a leap second may be in progress, or before one that is over
	ReasonDisrupted      Reason = "disrupted"      // the local clock lost continuity, or an assumption was disproved, meanwhile
)

// Reasons why a source with samples does not count.
const (
	ReasonOutside           Reason = "outside_agreement"  // disproved by the others
	ReasonNoQuorum          Reason = "no_quorum"          // usable, but there is no agreement to meet
	ReasonSelfContradiction Reason = "self_contradiction" // its own replies exclude each other
)

// KissOfDeath returns the reason for a kiss code, such as "kiss_of_death:RATE".
func KissOfDeath(code string) Reason { return ReasonKiss + Reason(":"+code) }

// KissCode returns the code of a kiss of death, or "".
func (r Reason) KissCode() string {
	code, _ := strings.CutPrefix(string(r), string(ReasonKiss)+":")
	if code == string(r) {
		return ""
	}
	return code
}

// Unreachable reports whether the reason means that no reply came at all, as
// opposed to one that could not be used.
func (r Reason) Unreachable() bool {
	switch r {
	case ReasonTimeout, ReasonResolve, ReasonRefused, ReasonNoRoute:
		return true
	}
	return false
}

// permanent reports whether the server asked not to be asked again: DENY and
// RSTR, RFC 5905 §7.4.
func (r Reason) permanent() bool { return r.KissCode() == "DENY" || r.KissCode() == "RSTR" }

// RejectedError says why an exchange gave no usable sample.
type RejectedError struct {
	Server string // the address as it was given
	Reason Reason
	Detail string // one sentence for people
	Err    error  // the underlying error, may be nil
}

func (e *RejectedError) Error() string {
	return fmt.Sprintf("ntpprobe: %s: %s: %s", e.Server, e.Reason, e.Detail)
}

// Unwrap returns the underlying error, if any.
func (e *RejectedError) Unwrap() error { return e.Err }
