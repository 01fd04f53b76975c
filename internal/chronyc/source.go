package chronyc

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode"

	"github.com/facebook/time/ntp/chrony"
)

// SourceState is what a source counts for, by the daemon.
type SourceState string

// The states of a source. Source: chronyc(1), sources.
const (
	Selected    SourceState = "selected"
	Combined    SourceState = "combined"
	NotCombined SourceState = "not_combined"
	Unusable    SourceState = "unusable"
	Falseticker SourceState = "falseticker"
	TooVariable SourceState = "too_variable"
)

var states = map[chrony.SourceStateType]SourceState{
	chrony.SourceStateSync: Selected, chrony.SourceStateCandidate: Combined, chrony.SourceStateOutlier: NotCombined,
	chrony.SourceStateUnreach: Unusable, chrony.SourceStateFalseTicker: Falseticker, chrony.SourceStateJittery: TooVariable,
}

// Symbol is chronyc's for the state.
func (s SourceState) Symbol() string {
	return map[SourceState]string{Selected: "*", Combined: "+", NotCombined: "-", Unusable: "?", Falseticker: "x", TooVariable: "~"}[s]
}

// Source is what the daemon says of one of its sources.
type Source struct {
	Address   string // an IP address, or the name of a reference clock; "" while a name is not resolved
	Name      string // as in the daemon's configuration, if it says
	Mode      string // server, peer, reference clock
	State     SourceState
	Selection string // why it is not selected, in words; "" if the daemon was not asked
	Poll      time.Duration
	Reach     uint8 // a bit for each of the last eight requests, the newest lowest: 1 if answered

	// Of the last measurement; nothing of it is known unless Measured.
	Measured bool
	Stratum  uint16
	Age      time.Duration
	// Offset is the source's time − wall clock, Error how wrong that may be: half the delay and
	// the dispersion of the measurement, and Age at the rate that the daemon cannot exclude.
	Offset, Error time.Duration
}

// never is the age of a measurement that there was not.
const never = math.MaxUint32

func newSource(data chrony.SourceData, stats chrony.SourceStats) (Source, error) {
	state, known := states[data.State]
	if !known || data.Mode > chrony.SourceModeRef || data.Poll < -16 || data.Poll > 32 || data.IPAddr == nil || stats.IPAddr == nil {
		return Source{}, &MalformedError{fmt.Sprintf("a source of state %d, mode %d, poll %d", data.State, data.Mode, data.Poll)}
	}
	if data.Mode == chrony.SourceModeRef && referenceID(data) != stats.RefID || data.Mode != chrony.SourceModeRef && *data.IPAddr != *stats.IPAddr {
		return Source{}, &movedError{fmt.Sprintf("the statistics of %v for %v", stats.IPAddr, data.IPAddr)}
	}
	s := Source{
		Mode: []string{"server", "peer", "reference clock"}[data.Mode], State: state,
		Poll: time.Duration(math.Exp2(float64(data.Poll)) * 1e9), Reach: uint8(data.Reachability), Measured: data.SinceSample != never,
	}
	switch {
	case data.Mode == chrony.SourceModeRef:
		s.Address = printable(chrony.RefidToString(stats.RefID))
	case data.IPAddr.Family != chrony.IPAddrID:
		s.Address = data.IPAddr.String()
	}
	if !s.Measured {
		return s, nil
	}
	s.Stratum = data.Stratum
	s.Age = time.Duration(data.SinceSample) * time.Second
	// The age is in whole seconds. The rate is against the daemon's clock.
	ageing := (math.Abs(stats.ResidFreqPPM) + math.Abs(stats.SkewPPM)) / 1e6 * (float64(data.SinceSample) + 1)
	if !(data.LatestMeasErr >= 0 && data.LatestMeasErr+ageing <= longest && math.Abs(data.LatestMeas) <= longest) {
		return Source{}, &MalformedError{fmt.Sprintf("an offset of %g ± %g s", data.LatestMeas, data.LatestMeasErr+ageing)}
	}
	s.Offset = -seconds(data.LatestMeas) // the daemon's is its clock − source
	s.Error = seconds(data.LatestMeasErr+ageing) + step(data.LatestMeasErr+ageing) + step(data.LatestMeas)
	return s, nil
}

// referenceID is that of a reference clock, which the daemon sends in the place of an address. Source:
// chrony, sources.c, SRC_ReportSource.
func referenceID(data chrony.SourceData) uint32 { return binary.BigEndian.Uint32(data.IPAddr.IP[:4]) }

// against turns the offset from one of the daemon's clock, which is the wall clock corrected by
// t.Offset, to one of the wall clock.
func (s *Source) against(t Tracking) {
	if s.Measured {
		s.Offset += t.Offset
		s.Error += t.precision
	}
}

// selection says in words what the daemon's letter means. Source: chronyc(1), selectdata.
func selection(letter uint8) string {
	words, ok := map[uint8]string{
		'N': "option noselect", 's': "not synchronised", 'M': "too few measurements", 'd': "root distance above maxdistance", '~': "jitter above maxjitter",
		'w': "waits for others to be measured", 'S': "older measurements than others", 'O': "orphan stratum", 'T': "disagrees with trusted sources",
		'x': "disagrees with the others", 'W': "waits for more sources", 'P': "another is preferred", 'U': "waits for a new measurement",
		'D': "root distance too large to be combined", '+': "combined", '*': "selected",
	}[letter]
	if !ok {
		return "unknown"
	}
	return words
}

// printable keeps what a terminal shows as itself.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
}
