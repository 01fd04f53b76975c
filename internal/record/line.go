package record

import (
	"crypto/rand"
	"encoding/hex"
	"time"

	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// Schema is the tag of every line.
const Schema = "clockctl/v1"

// The types of lines, and the events.
const (
	TypeSample = "sample"
	TypeBound  = "bound"
	TypeEvent  = "event"

	EventStart  = "start"  // a session begins, or goes on in a new file
	EventStatus = "status" // what can be said of the time changed
	EventStop   = "stop"   // the session ended as it should
)

// timeLayout is RFC 3339 in UTC with nine digits.
const timeLayout = "2006-01-02T15:04:05.000000000Z"

// Head begins every line: where it belongs, and when it was written on two clocks.
type Head struct {
	Schema  string `json:"schema"`
	Type    string `json:"type"`
	Session string `json:"session"`
	ReadAt  string `json:"read_at"` // the wall clock of the operating system
	At      int64  `json:"at_ns"`   // the local clock just before, since the origin of the session
	Took    int64  `json:"took_ns"` // how much later the local clock was read again
	AtEpoch uint64 `json:"at_epoch"`
}

// Start is the event that begins a session.
type Start struct {
	Head
	Event     string   `json:"event"`
	Continues bool     `json:"continues"` // in a new file
	MadeBy    string   `json:"made_by"`
	Servers   []Server `json:"servers"`
	Faulty    int      `json:"faulty_tolerated"`
	Drift     float64  `json:"max_drift_ratio"`
	Wander    float64  `json:"wander_ratio"`
}

// Server is the policy under which a server was asked.
type Server struct {
	Address      string  `json:"address"`
	Domain       string  `json:"domain"` // "": its own
	Margin       int64   `json:"margin_ns"`
	Scale        float64 `json:"scale_ratio"` // 0: 1
	MinOneWay    int64   `json:"min_one_way_ns"`
	Smear        string  `json:"smear"`
	RootRoundsUp bool    `json:"root_rounds_up"`
	Private      bool    `json:"private"`
}

// Event says what happened.
type Event struct {
	Head
	Event   string  `json:"event"`
	Status  string  `json:"status"` // of a clock: synchronized, holdover, unsynchronized, disrupted
	Message *string `json:"message"`
}

// Sample is one exchange: the four timestamps and what the reply said, or why there is
// none. t1 and t4 are of the local clock, t2 and t3 of the server.
type Sample struct {
	Head
	Address        string  `json:"address"`
	Remote         *string `json:"remote"`
	Number         int     `json:"number"`
	Reason         *string `json:"reason"` // null: the sample was accepted
	Detail         *string `json:"detail"`
	Epoch          *uint64 `json:"epoch"` // of t1 and t4
	T1             *int64  `json:"t1_ns"`
	T2             *string `json:"t2"`
	T3             *string `json:"t3"`
	T4             *int64  `json:"t4_ns"`
	Delay          *int64  `json:"delay_ns"`
	RootDistance   *int64  `json:"root_distance_ns"`
	Leap           *uint8  `json:"leap_indicator"`
	Version        *uint8  `json:"version"`
	Stratum        *uint8  `json:"stratum"`
	Precision      *int8   `json:"precision_log2"`
	RootDelay      *int64  `json:"root_delay_ns"`
	RootDispersion *int64  `json:"root_dispersion_ns"`
	ReferenceID    *string `json:"reference_id_hex"`
	KernelGain     *int64  `json:"kernel_gain_ns"` // null without a kernel stamp
}

// Interval is true time at read_at.
type Interval struct {
	Earliest    string `json:"earliest"`
	Latest      string `json:"latest"`
	Uncertainty int64  `json:"uncertainty_ns"`
}

// Bound is what followed from the exchanges before it.
type Bound struct {
	Head
	Interval  Interval `json:"interval"`
	Offset    int64    `json:"offset_ns"` // middle of the interval − read_at: positive, the wall clock is slow
	Agreed    int      `json:"agreed"`
	Domains   int      `json:"domains"`
	RateLeast float64  `json:"rate_least_ratio"`
	RateMost  float64  `json:"rate_most_ratio"`
}

// Session makes lines that belong together.
type Session struct {
	id     string
	origin int64
	start  Start
}

// NewSession begins a session at a moment. madeBy says for people what recorded it.
func NewSession(at ntpprobe.Instant, madeBy string, servers []ntpprobe.Server, faulty int, driftPPB, wanderPPB int64) *Session {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	s := &Session{id: hex.EncodeToString(id[:]), origin: at.Before.Nanos}
	s.start = Start{
		Head: s.head(TypeEvent, at), Event: EventStart, MadeBy: madeBy,
		Faulty: faulty, Drift: float64(driftPPB) / 1e9, Wander: float64(wanderPPB) / 1e9,
	}
	for _, v := range servers {
		s.start.Servers = append(s.start.Servers, Server{
			Address: v.Address, Domain: v.Domain, Margin: int64(v.Margin), Scale: v.Scale, MinOneWay: int64(v.MinOneWay),
			Smear: v.Smear, RootRoundsUp: v.RootRoundsUp, Private: v.Private,
		})
	}
	return s
}

// Start returns the line that begins each file of the session.
func (s *Session) Start(continues bool) Start {
	start := s.start
	start.Continues = continues
	return start
}

func (s *Session) head(kind string, at ntpprobe.Instant) Head {
	return Head{
		Schema: Schema, Type: kind, Session: s.id, ReadAt: at.Wall.UTC().Format(timeLayout),
		At: at.Before.Nanos - s.origin, Took: at.After.Nanos - at.Before.Nanos, AtEpoch: at.Before.Epoch,
	}
}

// Event returns a line that says what happened; reason may be nil.
func (s *Session) Event(at ntpprobe.Instant, event, status string, reason error) Event {
	e := Event{Head: s.head(TypeEvent, at), Event: event, Status: status}
	if reason != nil {
		text := reason.Error()
		e.Message = &text
	}
	return e
}

// Bound returns a line with what the bound says at the moment. It returns the error of
// [truetime.Bound.Interval] if it says nothing there.
func (s *Session) Bound(at ntpprobe.Instant, b truetime.Bound) (Bound, error) {
	interval, err := at.Interval(b)
	if err != nil {
		return Bound{}, err
	}
	return Bound{
		Head: s.head(TypeBound, at),
		Interval: Interval{
			Earliest: interval.Earliest().UTC().Format(timeLayout), Latest: interval.Latest().UTC().Format(timeLayout), Uncertainty: int64(interval.Uncertainty()),
		},
		Offset: interval.Midpoint() - at.Wall.UnixNano(), Agreed: b.Basis.Agreed, Domains: b.Basis.Domains,
		RateLeast: float64(b.Earliest.SlopePPB) / 1e9, RateMost: float64(b.Latest.SlopePPB) / 1e9,
	}, nil
}

func unixTime(nanos int64) string { return time.Unix(0, nanos).UTC().Format(timeLayout) }
