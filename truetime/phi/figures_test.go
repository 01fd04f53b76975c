package phi

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("phi.update", false, "write the table of docs/failure-detector.md")

const document = "../../docs/failure-detector.md"

// path is how long a heartbeat takes; negative: it is lost.
type path func(*rand.Rand) time.Duration

func milliseconds(x float64) time.Duration { return time.Duration(x * float64(ms)) }

func exponential(mean float64) path {
	return func(r *rand.Rand) time.Duration { return milliseconds(mean * r.ExpFloat64()) }
}

// network is one of the table: a path, and how often and how long the peer is stopped.
type network struct {
	name    string
	path    path
	stopped time.Duration // once a minute, on average
	accepts time.Duration // the Pause that helps
}

var networks = []network{
	{name: "quiet: 1 ms ± 0.2 ms", path: func(r *rand.Rand) time.Duration { return milliseconds(1 + 0.2*r.NormFloat64()) }},
	{name: "normal jitter, σ = 20 ms", path: func(r *rand.Rand) time.Duration { return milliseconds(200 + 20*r.NormFloat64()) }},
	{name: "uniform jitter, 0 to 50 ms", path: func(r *rand.Rand) time.Duration { return milliseconds(50 * r.Float64()) }},
	{name: "exponential, 20 ms on average", path: exponential(20)},
	{name: "heavy tail: Pareto, 2 ms, α = 1.5", path: func(r *rand.Rand) time.Duration { return milliseconds(2 * math.Pow(1-r.Float64(), -1/1.5)) }},
	{name: "1 % lost, exponential 5 ms", path: func(r *rand.Rand) time.Duration {
		if r.IntN(100) == 0 {
			return -1
		}
		return exponential(5)(r)
	}, accepts: 200 * ms},
	{name: "stopped for 300 ms each minute, exponential 5 ms", path: exponential(5), stopped: 300 * ms, accepts: 300 * ms},
}

var thresholds = []float64{1, 2, 3, 5, 8, 12}

// measured is what one network made of one detector.
type measured struct {
	alarms   []int // false suspicions at each threshold
	beats    int
	timeouts [2]time.Duration // at φ = 3 and 8, on average
}

// arrivals are the moments at which heartbeats arrive that are sent each 100 ms by a peer that lives.
func arrivals(n network, r *rand.Rand, length time.Duration) (at []time.Duration) {
	stop := time.Duration(math.MaxInt64)
	if n.stopped > 0 {
		stop = time.Duration(r.ExpFloat64() * float64(time.Minute))
	}
	for sent := time.Duration(0); sent < length; sent += 100 * ms {
		if sent >= stop {
			stop += n.stopped + time.Duration(r.ExpFloat64()*float64(time.Minute))
			sent += n.stopped // what was due meanwhile is not sent
		}
		if delay := n.path(r); delay >= 0 {
			at = append(at, sent+delay)
		}
	}
	slices.Sort(at)
	return at
}

// measure lets a detector watch the peer and counts the silences that were suspected.
func measure(t testing.TB, n network, options Options, length time.Duration) measured {
	h := history(t, options)
	at := arrivals(n, rand.New(rand.NewPCG(2004, 8)), length)
	m := measured{alarms: make([]int, len(thresholds)), beats: len(at)}
	looks := 0
	for i := 1; i < len(at); i++ {
		phi := h.Phi(at[i] - at[i-1])
		for k, threshold := range thresholds {
			if phi >= threshold {
				m.alarms[k]++
			}
		}
		h.Add(at[i] - at[i-1])
		if i%1000 == 0 {
			m.timeouts[0] += h.Timeout(3)
			m.timeouts[1] += h.Timeout(8)
			looks++
		}
	}
	for i := range m.timeouts {
		m.timeouts[i] /= time.Duration(looks)
	}
	return m
}

const hours = 10

// perHour writes a rate with two digits that mean something.
func perHour(rate float64) string {
	switch {
	case rate >= 10:
		return fmt.Sprintf("%.0f", rate)
	case rate >= 0.1 || rate == 0:
		return fmt.Sprintf("%.2g", rate)
	}
	return fmt.Sprintf("%.1e", rate)
}

func (m measured) row(name string) string {
	text := "| " + name
	for _, n := range m.alarms {
		text += " | " + perHour(float64(n)/hours)
	}
	return text + fmt.Sprintf(" | %d ms | %d ms |\n", m.timeouts[0].Round(ms)/ms, m.timeouts[1].Round(ms)/ms)
}

// table is what the document has.
func table(t testing.TB) string {
	text := "| network | φ = 1 | 2 | 3 | 5 | 8 | 12 | timeout at 3 | at 8 |\n|---|---|---|---|---|---|---|---|---|\n| *what φ means*"
	for _, threshold := range thresholds {
		text += " | *" + perHour(36000*math.Pow(10, -threshold)) + "*"
	}
	text += " | | |\n"
	for _, n := range networks {
		text += measure(t, n, Options{First: 100 * ms}, hours*time.Hour).row(n.name)
		if n.accepts > 0 {
			text += measure(t, n, Options{First: 100 * ms, Pause: n.accepts}, hours*time.Hour).row(fmt.Sprintf("the same, with `Pause` of %v", n.accepts))
		}
	}
	return text
}

// TestFigures_TheTableOfTheDocument is what the simulation says, where floats are rounded as here.
func TestFigures_TheTableOfTheDocument(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("other processors round the last digit otherwise")
	}
	text, err := os.ReadFile(document)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(text), "<!-- table -->\n")
	require.True(t, found)
	kept, after, found := strings.Cut(rest, "<!-- end -->\n")
	require.True(t, found)
	if *update {
		require.NoError(t, os.WriteFile(document, []byte(before+"<!-- table -->\n"+table(t)+"<!-- end -->\n"+after), 0o644))
		return
	}
	require.Equal(t, kept, table(t))
}

// TestFigures_Claims of the document that do not hang on digits.
func TestFigures_Claims(t *testing.T) {
	normal := measure(t, networks[1], Options{First: 100 * ms}, hours*time.Hour)
	for k, threshold := range thresholds[:3] {
		require.InEpsilon(t, math.Pow(10, -threshold), float64(normal.alarms[k])/float64(normal.beats), 0.5, "if jitter is normal, φ means what it says")
	}
	for _, n := range networks {
		m := measure(t, n, Options{First: 100 * ms}, hours*time.Hour)
		require.True(t, slices.IsSortedFunc(m.alarms, func(a, b int) int { return b - a }), "a higher threshold is more patient: %s %v", n.name, m.alarms)
		require.Greater(t, m.timeouts[1], m.timeouts[0])
	}
	stopped := networks[len(networks)-1]
	require.Greater(t, measure(t, stopped, Options{First: 100 * ms}, hours*time.Hour).alarms[5], 100*hours/10, "even at 12 a stopped peer is suspected")
	require.Zero(t, measure(t, stopped, Options{First: 100 * ms, Pause: 300 * ms}, hours*time.Hour).alarms[4], "unless such a pause is accepted")
	quiet, busy := measure(t, networks[0], Options{First: 100 * ms}, time.Hour), measure(t, networks[3], Options{First: 100 * ms}, time.Hour)
	require.Greater(t, busy.timeouts[1], quiet.timeouts[1]+20*ms, "the timeout follows the network")
}
