package sim

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/trueclock/trueclock/ntpprobe"
)

// Server is one time server. With neither Lie nor Steps nor Smear it is honest:
// its clock is within RootDelay/2 + RootDispersion of true time, as it was before the
// fields were rounded.
type Server struct {
	Address string // default 192.0.2.k:123 for the k-th server
	Domain  string // servers that may lie together; default: each for itself
	Private bool   // may be asked more often than every 16 s
	Path    Path

	MinOneWay time.Duration // what the user knows of the path; it must be true

	Stratum        uint8 // default 2
	Precision      int8  // default −20
	RootDelay      time.Duration
	RootDispersion time.Duration
	GrowthPPM      float64       // how the dispersion grows since the server's own last update
	Update         time.Duration // how often that is; 0: it does not grow
	Rounding       Rounding
	KnownToRoundUp bool          // the client is told of RoundUp
	Hold           time.Duration // from T2 to T3

	Offset time.Duration // server's clock − true time
	Edge   int           // +1 or −1: instead of Offset, right at the edge of the claim
	Fuzz   bool          // random bits below the precision, as ntpsec sends

	Restarts []Span // it answers, but is not synchronized
	Kisses   []Kiss
	Steps    []Step
	Smear    *Smear
	Lie      *Lie
}

// Span is a stretch of time, To excluded.
type Span struct{ From, To time.Duration }

func (s Span) contains(t time.Duration) bool { return s.From <= t && t < s.To }

// Kiss is a stretch in which the server answers with a kiss code.
type Kiss struct {
	Span
	Code string
}

// Step moves the server's clock at a moment, without a word in its claim.
type Step struct{ At, By time.Duration }

// Smear spreads an inserted leap second evenly over the 24 h around it, as large
// operators do. The world's own time repeats no second, so a smeared clock falls
// behind for good, and an unsmeared one would have a Step of −1 s at the leap.
type Smear struct{ Leap time.Duration }

func (s *Smear) at(t time.Duration) time.Duration {
	const day = 24 * time.Hour
	begun := min(max(0, t-(s.Leap-day/2)), day)
	return -time.Duration(float64(time.Second) * float64(begun) / float64(day))
}

// dispersion is the claimed one at a moment: a saw tooth.
func (s *Server) dispersion(t time.Duration) time.Duration {
	if s.Update <= 0 {
		return s.RootDispersion
	}
	return s.RootDispersion + time.Duration(s.GrowthPPM*ppm*float64(t%s.Update))
}

// claim is how far off the server says it may be, before rounding.
func (s *Server) claim(t time.Duration) time.Duration { return s.RootDelay/2 + s.dispersion(t) }

// off is how far off it is.
func (s *Server) off(t time.Duration) time.Duration {
	off := s.Offset
	if s.Edge != 0 {
		off = time.Duration(s.Edge) * s.claim(t)
	}
	for _, step := range s.Steps {
		if step.At <= t {
			off += step.By
		}
	}
	if s.Smear != nil {
		off += s.Smear.at(t)
	}
	return off
}

// reply is what a server is about to say, before it is written as a packet.
type reply struct {
	received, sent            time.Duration // T2 and T3, as moments on the server's clock
	rootDelay, rootDispersion time.Duration
	precision                 int8
	leap                      ntpprobe.Leap
	stratum                   uint8
	reference                 [4]byte
}

// asked is what one request looks like to somebody who knows everything.
type asked struct {
	at            time.Duration // when the request arrived
	forward, back time.Duration // how long it took, how long the reply will
	server        *Server
}

// answer makes the reply to a request.
func (s *Server) answer(a asked, random *rand.Rand, fired *traffic) reply {
	r := reply{
		received: a.at + s.off(a.at), sent: a.at + s.Hold + s.off(a.at+s.Hold),
		rootDelay: s.RootDelay, rootDispersion: s.dispersion(a.at + s.Hold),
		precision: s.Precision, stratum: s.Stratum, reference: [4]byte{10, 9, 8, 7},
	}
	low, high := random.Float64(), random.Float64()
	if s.Fuzz {
		bits := float64(time.Second>>-s.Precision) / 2
		r.received += time.Duration((2*low - 1) * bits)
		r.sent += time.Duration((2*high - 1) * bits)
	}
	if len(s.Steps) > 0 && s.Steps[0].At <= a.at {
		fired.stepped++
	}
	if s.Lie != nil {
		s.Lie.tell(a, &r)
		fired.lied++
	}
	for _, k := range s.Kisses {
		if k.contains(a.at) {
			r.stratum, r.leap = 0, ntpprobe.LeapUnsynchronized
			copy(r.reference[:], k.Code)
			fired.kissed++
		}
	}
	for _, span := range s.Restarts {
		if span.contains(a.at) {
			r.stratum, r.leap, r.reference = 0, ntpprobe.LeapUnsynchronized, [4]byte{}
			fired.unsynchronized++
		}
	}
	return r
}

// clientClaim is E: what a client must read from the server's packet at a
// moment, resolution of the fields included.
func (s *Server) clientClaim(t time.Duration) time.Duration {
	return ntpprobe.Sample{Header: ntpprobe.Header{
		PrecisionExponent: s.Precision,
		RootDelay:         long(s.Rounding.short(s.RootDelay)),
		RootDispersion:    long(s.Rounding.short(s.dispersion(t))),
	}}.RootDistance()
}

// probed is the server as ntpprobe is told of it.
func (s *Server) probed() ntpprobe.Server {
	return ntpprobe.Server{Address: s.Address, Domain: s.Domain, Private: s.Private, MinOneWay: s.MinOneWay, RootRoundsUp: s.KnownToRoundUp}
}

// withDefaults fills in what was left out.
func (s Server) withDefaults(number int) Server {
	if s.Address == "" {
		s.Address = fmt.Sprintf("192.0.2.%d:123", number+1)
	}
	if s.Stratum == 0 {
		s.Stratum = 2
	}
	if s.Precision == 0 {
		s.Precision = -20
	}
	return s
}
