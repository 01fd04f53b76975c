package compare

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/chronyd"
	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

var (
	pollFlag = flag.Duration("compare.poll", time.Second, "pause between two requests to one server: a power of two seconds")
	forFlag  = flag.Duration("compare.for", 0, "how long to run; the second half is evaluated")
)

// scenario is one fleet under one assumption about the drift of the local clock, and
// the chronyd that follows it.
type scenario struct {
	liar    bool
	ppm     int
	paths   []*path
	from    netip.Addr
	chrony  *chronyd.Client
	live    []*live // of f = 0 and 1
	noted   []Look  // chronyc's formula
	nearest []Look  // the same without the correction
}

// tolerated are the f that are compared: all are trusted, as chrony does, and one may lie.
var tolerated = []int{0, 1}

// assume is what the estimator assumes when chronyd assumes ppm.
func assume(f, ppm int) ntpprobe.Assumptions {
	if f == 0 {
		f = ntpprobe.FaultyNone
	}
	return ntpprobe.Assumptions{Faulty: f, DriftPPB: truetime.DefaultDriftPPB, WanderPPB: int64(ppm) * 1000}
}

func (s *scenario) servers() (list []ntpprobe.Server) {
	for _, p := range s.paths {
		list = append(list, ntpprobe.Server{Address: p.relay.Addr()})
	}
	return list
}

// TestCompare_Chronyd runs chronyd -x and our prober over the same relays and reports how
// wide their answers are. It asserts that our intervals contain true time; the figures are
// for people. It takes as long as it is told, so it runs when asked to.
func TestCompare_Chronyd(t *testing.T) {
	if *forFlag == 0 {
		t.Skip("it takes minutes; run make compare-chrony, or pass -compare.for")
	}
	exponent := int(math.Round(math.Log2(pollFlag.Seconds())))
	require.Equal(t, math.Pow(2, float64(exponent)), pollFlag.Seconds(), "chronyd polls at powers of two seconds")
	local, err := truetime.NewLocalClock()
	require.NoError(t, err)
	honest, lying := paths(t)
	var scenarios []*scenario
	for _, liar := range []bool{false, true} {
		for _, ppm := range []int{1, 15} {
			s := &scenario{liar: liar, ppm: ppm, paths: honest, from: netip.AddrFrom4([4]byte{127, 0, 9, byte(200 + len(scenarios))})}
			if liar {
				s.paths = lying
			}
			s.start(t, exponent, local)
			scenarios = append(scenarios, s)
		}
	}
	watched := watch(t, scenarios, local)
	for _, s := range scenarios {
		s.chrony.Stop()
	}
	report := evaluate(t, scenarios, watched)
	require.NoError(t, report.Print(os.Stdout))
	line, err := json.Marshal(report)
	require.NoError(t, err)
	fmt.Println(string(line))
}

// start begins to ask, chronyd and the probers.
func (s *scenario) start(t *testing.T, exponent int, local truetime.LocalClock) {
	var addresses []netip.AddrPort
	for _, p := range s.paths {
		addresses = append(addresses, netip.MustParseAddrPort(p.relay.Addr()))
	}
	s.chrony = chronyd.StartClient(t, chronyd.ClientConfig{Servers: addresses, From: s.from, Poll: exponent, MaxClockErrorPPM: s.ppm})
	for _, f := range tolerated {
		s.live = append(s.live, startLive(t, s.servers(), assume(f, s.ppm), local))
	}
}

// watched is what a run was about.
type watched struct {
	moments  []int64 // of the wall clock, at which all were asked
	instants []ntpprobe.Instant
	warm     int // the first moment that counts
}

// watch asks everybody for the time until the run is over.
func watch(t *testing.T, scenarios []*scenario, local truetime.LocalClock) watched {
	t.Helper()
	var w watched
	ticker := time.NewTicker(min(max(*pollFlag/4, 250*time.Millisecond), time.Second))
	defer ticker.Stop()
	for begun := time.Now(); time.Since(begun) < *forFlag; <-ticker.C {
		if time.Since(begun) < *forFlag/2 {
			w.warm = len(w.moments) + 1
		}
		instant, err := ntpprobe.ReadInstant(local)
		require.NoError(t, err)
		w.instants = append(w.instants, instant)
		w.moments = append(w.moments, instant.Wall.UnixNano())
		for _, s := range scenarios {
			s.look()
		}
	}
	return w
}

// look asks chronyd and the live clocks. What chronyd says of its corrected clock holds if the
// correction, which ought to be 0, is within it.
func (s *scenario) look() {
	now, err := s.chrony.Tracking()
	near := Look{Half: now.Distance(), Missing: err != nil || !now.Synchronized, Outside: now.Correction > now.Distance()}
	whole := near
	whole.Half += now.Correction
	s.noted, s.nearest = append(s.noted, whole), append(s.nearest, near)
	for _, l := range s.live {
		l.look()
	}
}

// evaluate replays what each chronyd got and makes the report.
func evaluate(t *testing.T, scenarios []*scenario, w watched) *Report {
	t.Helper()
	r := &Report{Schema: "trueclock.compare/1", Chronyd: chronyd.Version(t), Poll: *pollFlag, WarmUp: *forFlag / 2, Measured: *forFlag - *forFlag/2, Strayed: strayed(w.instants)}
	for _, s := range scenarios {
		var rows []Row
		row := func(method string, looks []Look, mustHold bool) {
			rows = append(rows, Summarize(method, s.liar, s.ppm, looks[w.warm:]))
			if all := Summarize(method, s.liar, s.ppm, looks); mustHold { // also while it warms up
				assert.Zero(t, all.Violations, "%+v", all)
				assert.Less(t, all.Missing, all.Reads, "%+v", all)
			}
		}
		row("chrony, chronyc's formula", s.noted, false)
		row("chrony, without its correction", s.nearest, false)
		samples, unpaired := s.samples(t)
		r.Unpaired += unpaired
		r.Slack = max(r.Slack, s.slack())
		for i, f := range tolerated {
			holds := f > 0 || !s.liar
			looks, err := Replay(s.servers(), assume(f, s.ppm), samples, w.moments)
			require.NoError(t, err)
			row("trueclock, f = "+strconv.Itoa(f), looks, holds)
			best := newJoint(s.servers(), f, truetime.DefaultDriftPPB, int64(s.ppm)*1000, w.moments[0])
			row("best possible, f = "+strconv.Itoa(f), best.looks(samples, w.moments), holds)
			row("trueclock live, f = "+strconv.Itoa(f), s.live[i].looks, holds && r.Strayed < float64(s.ppm))
		}
		r.Add(rows...)
	}
	return r
}

// samples puts together what this chronyd saw of all its servers.
func (s *scenario) samples(t *testing.T) (all []ntpprobe.Sample, unpaired int) {
	t.Helper()
	notes, err := s.chrony.Measurements()
	require.NoError(t, err)
	for _, p := range s.paths {
		address := netip.MustParseAddrPort(p.relay.Addr()).Addr()
		var delays []time.Duration
		for _, n := range notes {
			if n.Server == address {
				delays = append(delays, n.Delay)
			}
		}
		samples, left := Samples(ntpprobe.Server{Address: p.relay.Addr()}, p.tap.Of(s.from), delays)
		require.NotEmpty(t, samples, "chronyd on %s got nothing from %s", s.from, address)
		all, unpaired = append(all, samples...), unpaired+left
	}
	return all, unpaired
}

// slack is by how much the replayed round trips are longer than this chronyd's, at the median.
func (s *scenario) slack() time.Duration {
	var all []time.Duration
	for _, p := range s.paths {
		for _, e := range p.tap.Of(s.from) {
			all = append(all, time.Duration(e.Sent-e.Sending))
		}
	}
	slices.Sort(all)
	return Percentile(all, 50)
}
