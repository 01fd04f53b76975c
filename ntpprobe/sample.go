package ntpprobe

import (
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/trueclock/trueclock/truetime"
)

// rootStep is the resolution of the root fields, 2⁻¹⁶ s rounded up. Servers
// round them up (chrony) or truncate them (ntpsec, ntpd-rs); we cannot know.
const rootStep = 15_259 * time.Nanosecond

// stampRounding is for T2 and T3 rounded half up, and precision to nanoseconds.
const stampRounding = 2 * time.Nanosecond

// Sample is one exchange with one server: two one-sided constraints on true time.
type Sample struct {
	Server Server
	Remote netip.AddrPort // who answered

	T1, T4 truetime.Reading // local clock: request sent, reply received; without slack
	T2, T3 int64            // server: received, sent; nanoseconds since 1970-01-01 UTC

	// KernelGain is how much earlier the kernel's receive stamp put T4 than this
	// program could. 0: no stamp was used.
	KernelGain time.Duration

	Header Header
}

// Limits are the largest values that make sense in a sample. Zero fields mean
// the defaults.
type Limits struct {
	MaxRTT          time.Duration // T4 − T1; default 1 s
	MaxRootDistance time.Duration // the server's own error E; default 1.5 s
}

func (l Limits) withDefaults() Limits {
	if l.MaxRTT == 0 {
		l.MaxRTT = time.Second
	}
	if l.MaxRootDistance == 0 {
		l.MaxRootDistance = 1500 * time.Millisecond
	}
	return l
}

// serverTerms are the parts of E, the server's own error.
type serverTerms struct {
	halfRootDelay, rootDispersion, precision, margin, rounding time.Duration
}

func (t serverTerms) sum() time.Duration {
	return t.halfRootDelay + t.rootDispersion + t.precision + t.margin + t.rounding
}

// terms takes E apart:
//
//	E = (rootDelay + q)/2 + rootDispersion·scale + q + 2^precision + 2 ns + margin
//
// where the q are the resolution of the root fields, 0 if the server rounds them up.
func (s Sample) terms() serverTerms {
	dispersion := s.Header.RootDispersion
	if s.Server.Scale > 1 {
		dispersion = time.Duration(math.Ceil(float64(dispersion) * s.Server.Scale))
	}
	rounding := (rootStep+1)/2 + rootStep + stampRounding
	if s.Server.RootRoundsUp {
		rounding = stampRounding
	}
	return serverTerms{
		halfRootDelay:  (s.Header.RootDelay + 1) / 2,
		rootDispersion: dispersion,
		precision:      s.Header.precision(),
		margin:         s.Server.Margin,
		rounding:       rounding,
	}
}

// RootDistance returns E: how far each of the server's stamps may be from true
// time, by the server's own account plus rounding and the configured margin.
func (s Sample) RootDistance() time.Duration { return s.terms().sum() }

// Delay returns NTP's round-trip delay, (T4 − T1) − (T3 − T2): the time the
// two packets travelled. RFC 5905 §8.
func (s Sample) Delay() time.Duration {
	return time.Duration(s.T4.Nanos - s.T1.Nanos - (s.T3 - s.T2))
}

// latest is the upper constraint as a line: true time at T1 is at most T2 + E
// less the least one-way delay, and from there it runs at most D fast.
func (s Sample) latest(driftPPB int64) truetime.Line {
	return truetime.Line{At: s.T1.Nanos, Nanos: s.T2 + int64(s.RootDistance()-s.Server.MinOneWay), SlopePPB: driftPPB}
}

// earliest is the lower constraint: true time at T4 is at least T3 − E plus the
// least one-way delay.
func (s Sample) earliest(driftPPB int64) truetime.Line {
	return truetime.Line{At: s.T4.Nanos, Nanos: s.T3 - int64(s.RootDistance()-s.Server.MinOneWay), SlopePPB: -driftPPB}
}

// Bound returns what this one sample says, if its server is honest and the
// local clock is within driftPPB: it starts at T4 and expires maxAge later.
// Errors: a [*RejectedError] for a sample that contradicts itself.
//
// HAZARD: one server, nobody to disprove it, and no care for leap seconds.
func (s Sample) Bound(driftPPB int64, maxAge time.Duration) (truetime.Bound, error) {
	if err := s.Check(Limits{}); err != nil {
		return truetime.Bound{}, err
	}
	b := truetime.Bound{
		At:       s.T4,
		Earliest: s.earliest(driftPPB),
		Latest:   s.latest(driftPPB),
		Expires:  s.T4.Nanos + int64(maxAge),
		Basis:    truetime.Basis{Domains: 1, Agreed: 1},
	}
	if err := b.Validate(); err != nil {
		return truetime.Bound{}, s.rejected(ReasonImpossible, "its two constraints exclude each other")
	}
	return b, nil
}

// plausible is the range of server stamps: 1830 … 2110, more than NTP can say today,
// and so that the difference of two fits 64 bits.
const plausible = int64(140 * 365 * 24 * time.Hour)

// Check returns a [*RejectedError] if the sample must not be used: the server
// is not synchronized, says goodbye, or the numbers are impossible or absurd.
// A sample made by [Query] has passed it.
func (s Sample) Check(limits Limits) error {
	limits = limits.withDefaults()
	if err := s.checkHeader(); err != nil {
		return err
	}
	switch h := s.Header; {
	case s.T1.Epoch != s.T4.Epoch:
		return s.rejected(ReasonDisrupted, "the local clock began a new epoch during the exchange")
	case s.T1.Slack != 0 || s.T4.Slack != 0:
		return s.rejected(ReasonDisrupted, "T1 or T4 has slack; use T1.Early and T4.Late")
	case s.T4.Nanos < s.T1.Nanos:
		return s.rejected(ReasonDisrupted, "the local clock ran backwards during the exchange")
	case h.receiveZero || h.transmitZero || s.T2 == 0 || s.T3 == 0:
		return s.rejected(ReasonMalformed, "the server's receive or transmit timestamp is missing")
	case max(s.T2, s.T3) > plausible || min(s.T2, s.T3) < -plausible:
		return s.rejected(ReasonMalformed, "the server's timestamps are centuries away")
	case s.Server.Smear == "" && s.smears():
		return s.rejected(ReasonSmear, "the server smears leap seconds, so it is on another time scale; declare its Server.Smear, and that of all others, or remove it")
	case s.T3 < s.T2:
		return s.rejected(ReasonImpossible, fmt.Sprintf("the server sent its reply %v before it received the request", short(s.T2-s.T3)))
	case s.T4.Nanos-s.T1.Nanos > int64(limits.MaxRTT):
		return s.rejected(ReasonRoundTrip, fmt.Sprintf("the reply took %v, more than %v", short(s.T4.Nanos-s.T1.Nanos), limits.MaxRTT))
	case s.Delay() < 0:
		return s.rejected(ReasonImpossible, fmt.Sprintf("the server claims to have held the packet %v longer than the whole round trip took", short(int64(-s.Delay()))))
	case s.RootDistance() > limits.MaxRootDistance:
		return s.rejected(ReasonRootDistance, fmt.Sprintf("the server may be off by %v by its own account, more than %v", short(int64(s.RootDistance())), limits.MaxRootDistance))
	case s.Delay() < 2*s.Server.MinOneWay:
		return s.rejected(ReasonImpossible, fmt.Sprintf("the packets travelled %v, less than twice the least one-way delay of %v", short(int64(s.Delay())), s.Server.MinOneWay))
	}
	return nil
}

// checkHeader looks at what the server says about itself.
func (s Sample) checkHeader() error {
	h := s.Header
	switch {
	case h.Version != 3 && h.Version != 4:
		return s.rejected(ReasonMalformed, fmt.Sprintf("NTP version %d in the reply, 3 or 4 expected", h.Version))
	case h.Stratum == 0 && (h.kissCode() == "INIT" || h.kissCode() == "STEP"):
		return s.rejected(ReasonUnsynchronized, "the server is still setting its own clock ("+h.kissCode()+")")
	case h.Stratum == 0 && h.kissCode() != "":
		return s.rejected(KissOfDeath(h.kissCode()), kissMeaning(h.kissCode()))
	case h.Leap == LeapUnsynchronized:
		return s.rejected(ReasonUnsynchronized, "the server says that its own clock is not synchronized")
	case h.Stratum == 0 || h.Stratum > 15:
		return s.rejected(ReasonStratum, fmt.Sprintf("stratum %d is not from 1 to 15", h.Stratum))
	case h.PrecisionExponent > 0 || h.PrecisionExponent < -32:
		return s.rejected(ReasonMalformed, fmt.Sprintf("precision 2^%d s is absurd", h.PrecisionExponent))
	}
	return nil
}

// kissMeaning explains the codes of RFC 5905 §7.4 that ask a client to change.
func kissMeaning(code string) string {
	switch code {
	case "RATE":
		return "the server asks to be polled less often"
	case "DENY", "RSTR":
		return "the server refuses to serve this client; remove it from the list"
	}
	return "the server sent the kiss code " + code + " instead of the time"
}

func (s Sample) rejected(reason Reason, detail string) *RejectedError {
	return &RejectedError{Server: s.Server.Address, Reason: reason, Detail: detail}
}
