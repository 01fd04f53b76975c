package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/fleet"
)

// probed is the contract of `probe -o json`, written down a second time: a test
// that used the command's own types could not see a key change its name.
type probed struct {
	Schema   string `json:"schema"`
	ReadAt   string `json:"read_at"`
	Interval *struct {
		Earliest    string `json:"earliest"`
		Latest      string `json:"latest"`
		Uncertainty int64  `json:"uncertainty_ns"`
	} `json:"interval"`
	FaultyTolerated int            `json:"faulty_tolerated"`
	Agreed          int            `json:"agreed"`
	Sources         []probedSource `json:"sources"`
	Basis           *struct {
		RateLeast        float64        `json:"rate_least_ratio"`
		RateMost         float64        `json:"rate_most_ratio"`
		Earliest, Latest map[string]any // "source" and terms
	} `json:"basis"`
	Error       *map[string]any `json:"error"`
	LeapPending *string         `json:"leap_pending"`
}

type probedSource struct {
	Address    string           `json:"address"`
	State      string           `json:"state"`
	Reason     *string          `json:"reason"`
	Stratum    *int             `json:"stratum"`
	Offset     *int64           `json:"offset_ns"`
	Delay      *int64           `json:"delay_ns"`
	ErrorBound *int64           `json:"error_bound_ns"`
	Samples    int              `json:"samples"`
	Budget     map[string]int64 `json:"budget"`
}

func parseProbe(t testing.TB, stdout string) probed {
	t.Helper()
	require.Equal(t, 1, strings.Count(stdout, "\n"), "one object on one line: %s", stdout)
	require.True(t, strings.HasPrefix(stdout, `{"schema":"clockctl/v1",`), stdout)
	var p probed
	require.NoError(t, json.Unmarshal([]byte(stdout), &p))
	return p
}

// moment parses RFC 3339 with exactly nine digits.
func moment(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02T15:04:05.000000000Z", text)
	require.NoError(t, err)
	return at
}

// consistent checks what must hold between the numbers of any good answer.
func (p probed) consistent(t testing.TB) {
	t.Helper()
	earliest, latest := moment(t, p.Interval.Earliest), moment(t, p.Interval.Latest)
	width := latest.Sub(earliest)
	require.Equal(t, int64(width/2+width%2), p.Interval.Uncertainty, "half the width, rounded up")
	readAt, agreed := moment(t, p.ReadAt), 0
	for _, s := range p.Sources {
		if s.State == "agreed" {
			agreed++
			require.Nil(t, s.Reason)
		} else {
			require.NotNil(t, s.Reason)
		}
		if s.ErrorBound == nil {
			continue
		}
		sum := int64(0)
		for name, term := range s.Budget {
			require.GreaterOrEqual(t, term, int64(0), name)
			sum += term
		}
		require.Equal(t, *s.ErrorBound, sum, "the budget adds up")
		require.GreaterOrEqual(t, 2**s.ErrorBound, *s.Delay)
		middle := readAt.Add(time.Duration(*s.Offset))
		meets := !middle.Add(-time.Duration(*s.ErrorBound)).After(latest) && !middle.Add(time.Duration(*s.ErrorBound)).Before(earliest)
		require.Equal(t, s.State == "agreed", meets, "%s is %s", s.Address, s.State)
	}
	require.Equal(t, agreed, p.Agreed)
	require.Less(t, p.Basis.RateLeast, p.Basis.RateMost)
	var sums []float64
	for _, end := range []map[string]any{p.Basis.Earliest, p.Basis.Latest} {
		sum := 0.0
		for name, term := range end {
			if name != "source" {
				sum += term.(float64)
			}
		}
		require.True(t, slices.ContainsFunc(p.Sources, func(s probedSource) bool { return s.Address == end["source"] && s.State == "agreed" }), "%v binds", end)
		sums = append(sums, sum)
	}
	require.InDelta(t, sums[0], sums[1], 2, "each end adds up to half the width of the bound")
	require.LessOrEqual(t, sums[0], float64(p.Interval.Uncertainty+2), "and the interval is wider by the reading of the clocks, however long that took")
}

func TestProbeJSON_KeepsItsContract(t *testing.T) {
	addresses := []string{
		startServer(t, fleet.Config{}), startServer(t, fleet.Config{RootDelay: time.Millisecond, RootDispersion: time.Millisecond}),
		startServer(t, fleet.Config{}), startServer(t, fleet.Config{Offset: 250 * time.Millisecond}), closedPort(t),
	}
	code, stdout, stderr := invoke(t.Context(), append([]string{"probe", "-o", "json", "-n", "3", "-i", "5ms"}, addresses...)...)
	require.Equal(t, 0, code, stderr)
	require.Empty(t, stderr)
	p := parseProbe(t, stdout)
	p.consistent(t)
	require.Nil(t, p.Error)
	require.Nil(t, p.LeapPending)
	require.Contains(t, stdout, `"leap_pending":null`)
	require.Equal(t, 1, p.FaultyTolerated)
	require.Equal(t, 3, p.Agreed)
	for i, address := range addresses {
		require.Equal(t, address, p.Sources[i].Address, "in the order of the arguments")
	}
	require.Equal(t, "falseticker", p.Sources[3].State)
	require.Equal(t, "outside_agreement", *p.Sources[3].Reason)
	require.Greater(t, *p.Sources[3].Offset, int64(240e6), "reference − local: it says that we are slow")
	require.Equal(t, "unreachable", p.Sources[4].State)
	require.Nil(t, p.Sources[4].Stratum)
	require.Equal(t, 3, p.Sources[0].Samples)
	everyKey(t, stdout)
}

// everyKey checks that each source has all keys, whatever is known of it.
func everyKey(t *testing.T, stdout string) {
	t.Helper()
	var raw struct {
		Sources []map[string]json.RawMessage `json:"sources"`
	}
	require.NoError(t, json.Unmarshal([]byte(stdout), &raw))
	for _, s := range raw.Sources {
		for _, key := range []string{
			"address", "state", "reason", "stratum", "leap", "offset_ns", "delay_ns", "error_bound_ns", "root_delay_ns", "root_dispersion_ns", "samples", "budget", "kernel_gain_ns",
		} {
			require.Contains(t, s, key)
		}
	}
	var budget map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(raw.Sources[0]["budget"], &budget))
	var names []string
	for name := range budget {
		names = append(names, name)
	}
	slices.Sort(names)
	require.Equal(t, []string{"ageing_ns", "half_root_delay_ns", "half_round_trip_ns", "margin_ns", "precision_ns", "root_dispersion_ns", "rounding_ns"}, names)
}

func TestProbeJSON_NoQuorum(t *testing.T) {
	addresses := []string{
		startServer(t, fleet.Config{}), startServer(t, fleet.Config{}),
		startServer(t, fleet.Config{Offset: 250 * time.Millisecond}), startServer(t, fleet.Config{Offset: -400 * time.Millisecond}),
	}
	code, stdout, stderr := invoke(t.Context(), append([]string{"probe", "--json", "-n", "1"}, addresses...)...)
	require.Equal(t, 1, code)
	require.Equal(t, 1, strings.Count(stderr, "\n"))
	p := parseProbe(t, stdout)
	require.Nil(t, p.Interval)
	require.Nil(t, p.Basis)
	require.Zero(t, p.Agreed)
	require.Equal(t, map[string]any{"code": "no_quorum", "message": "2 of 4 sources share a point, 3 needed (1 may lie)", "best": 2.0, "needed": 3.0}, *p.Error)
	for _, s := range p.Sources {
		require.Equal(t, "rejected", s.State)
		require.Equal(t, "no_quorum", *s.Reason)
		require.NotNil(t, s.Offset, "as measured")
	}
}
