package ntpprobe

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
)

// instant is the present of a world whose wall clock is off by ahead.
func (w *world) instant(ahead time.Duration) Instant {
	return Instant{Before: w.reading(), After: w.reading(), Wall: time.Unix(0, w.now+int64(ahead)).UTC()}
}

// TestSources_BudgetAddsUp: every term ≥ 0, the sum exactly the error bound,
// and the bound never below half the delay, whatever packets come.
func TestSources_BudgetAddsUp(t *testing.T) {
	for seed := range uint64(200) {
		w := newWorld(seed, 4, 1, 200_000)
		w.servers[0].Margin, w.servers[1].Scale, w.servers[2].MinOneWay = 3*time.Microsecond, 2, 40*time.Microsecond
		e, err := NewEstimator(w.servers, Assumptions{DriftPPB: w.drift})
		require.NoError(t, err)
		for range 20 {
			w.pass(time.Duration(w.random.Int64N(int64(time.Minute))))
			_ = e.Add(w.exchange(w.random.IntN(4))) // a liar's may be refused
			for _, s := range e.Sources(w.instant(0), nil) {
				if s.Estimate == nil {
					continue
				}
				b := s.Estimate.Budget
				for _, term := range []time.Duration{b.HalfRoundTrip, b.HalfRootDelay, b.RootDispersion, b.Precision, b.Margin, b.Ageing, b.Rounding} {
					require.GreaterOrEqual(t, term, time.Duration(0), "seed %d: %+v", seed, b)
				}
				require.Equal(t, s.Estimate.ErrorBound, b.Sum(), "seed %d", seed)
				require.GreaterOrEqual(t, 2*s.Estimate.ErrorBound, s.Estimate.Delay, "seed %d", seed)
				require.Equal(t, s.Estimate.Interval.Uncertainty(), s.Estimate.ErrorBound)
			}
		}
	}
}

// TestSources_BudgetOfOneExchange names each term of a single packet.
func TestSources_BudgetOfOneExchange(t *testing.T) {
	s := good()
	e, err := NewEstimator([]Server{s.Server}, Assumptions{DriftPPB: 200_000})
	require.NoError(t, err)
	require.NoError(t, e.Add(s))
	at := Instant{Before: s.T4, After: s.T4, Wall: time.Unix(0, s.T3)}
	got := e.Sources(at, nil)[0].Estimate
	require.Equal(t, 900*time.Microsecond, got.Delay)
	require.Equal(t, Budget{
		HalfRoundTrip: 450 * time.Microsecond, HalfRootDelay: time.Millisecond, RootDispersion: time.Millisecond,
		Precision: 954, Ageing: 100, Rounding: 7_630 + 15_259 + 2,
	}, got.Budget)
}

// TestSources_KernelGain: an earlier T4 shortens the round trip in the budget, and
// the gain shown is that of the sample that binds the earliest side, not of the newest.
func TestSources_KernelGain(t *testing.T) {
	stamped := good()
	stamped.T4.Nanos -= 600_000
	stamped.KernelGain = 600 * time.Microsecond
	e, err := NewEstimator([]Server{stamped.Server}, Assumptions{DriftPPB: 200_000})
	require.NoError(t, err)
	require.NoError(t, e.Add(stamped))
	at := Instant{Before: stamped.T4, After: stamped.T4, Wall: time.Unix(0, stamped.T3)}
	got := e.Sources(at, nil)[0].Estimate
	require.Equal(t, 600*time.Microsecond, got.KernelGain)
	require.Equal(t, 150*time.Microsecond, got.Budget.HalfRoundTrip)
	require.Equal(t, got.ErrorBound, got.Budget.Sum())

	later := good() // wider, and without a stamp
	for _, nanos := range []*int64{&later.T1.Nanos, &later.T2, &later.T3, &later.T4.Nanos} {
		*nanos += int64(time.Millisecond)
	}
	require.NoError(t, e.Add(later))
	at = Instant{Before: later.T4, After: later.T4, Wall: time.Unix(0, later.T3)}
	require.Equal(t, 600*time.Microsecond, e.Sources(at, nil)[0].Estimate.KernelGain)
}

// TestSources_SignOfTheOffset: reference − local, so a wall clock that is 5 ms
// behind is slow and its offset positive.
func TestSources_SignOfTheOffset(t *testing.T) {
	for _, ahead := range []time.Duration{-5 * time.Millisecond, 5 * time.Millisecond} {
		w := newWorld(1, 1, 0, 200_000)
		s := good()
		s.Server, s.T1, s.T4 = w.servers[0], w.reading(), w.reading()
		s.T2, s.T3 = w.now, w.now
		e, err := NewEstimator(w.servers, Assumptions{DriftPPB: w.drift})
		require.NoError(t, err)
		require.NoError(t, e.Add(s))
		got := e.Sources(w.instant(ahead), nil)[0].Estimate
		require.InDelta(t, float64(-ahead), float64(got.Offset), 2)
	}
}

// TestSources_States: what each kind of server is called, and why.
func TestSources_States(t *testing.T) {
	w := newWorld(1, 6, 0, 200_000)
	e, err := NewEstimator(w.servers, Assumptions{DriftPPB: w.drift, Faulty: 1})
	require.NoError(t, err)
	for i := range 3 {
		require.NoError(t, e.Add(w.exchange(i)))
	}
	liar := w.exchange(3)
	liar.T2, liar.T3 = liar.T2+250e6, liar.T3+250e6
	require.NoError(t, e.Add(liar))
	mute := Sample{Server: w.servers[4]}
	e.Reject(mute, mute.rejected(ReasonTimeout, "no reply in time"))
	unset := Sample{Server: w.servers[5], Header: Header{Version: 4, Leap: LeapUnsynchronized}}
	e.Reject(unset, unset.Check(Limits{}))

	report := func(agreed *truetime.Interval) (states []SourceState, reasons []Reason) {
		for _, s := range e.Sources(w.instant(0), agreed) {
			states, reasons = append(states, s.State), append(reasons, s.Reason)
		}
		return states, reasons
	}
	b, err := e.Bound(w.reading())
	require.NoError(t, err)
	iv, err := b.Interval(w.reading())
	require.NoError(t, err)
	states, reasons := report(&iv)
	require.Equal(t, []SourceState{Agreed, Agreed, Agreed, Falseticker, Unreachable, Rejected}, states)
	require.Equal(t, []Reason{"", "", "", ReasonOutside, ReasonTimeout, ReasonUnsynchronized}, reasons)
	require.Regexp(t, `^2\d\d\.\dms outside what 3 others agree on$`, e.Sources(w.instant(0), &iv)[3].Detail)

	states, reasons = report(nil)
	require.Equal(t, []SourceState{Rejected, Rejected, Rejected, Rejected, Unreachable, Rejected}, states)
	require.Equal(t, []Reason{ReasonNoQuorum, ReasonNoQuorum, ReasonNoQuorum, ReasonNoQuorum, ReasonTimeout, ReasonUnsynchronized}, reasons)
}

// TestSources_AServerThatContradictsItself is disproved without any other.
func TestSources_AServerThatContradictsItself(t *testing.T) {
	w := newWorld(1, 3, 0, 200_000)
	e, err := NewEstimator(w.servers, Assumptions{DriftPPB: w.drift})
	require.NoError(t, err)
	for i := range 3 {
		require.NoError(t, e.Add(w.exchange(i)))
	}
	jump := w.exchange(1)
	jump.T2, jump.T3 = jump.T2+1e9, jump.T3+1e9
	require.NoError(t, e.Add(jump))
	b, err := e.Bound(w.reading())
	require.NoError(t, err)
	iv, err := b.Interval(w.reading())
	require.NoError(t, err)
	w.contains(t, iv, 1)
	got := e.Sources(w.instant(0), &iv)[1]
	require.Equal(t, Falseticker, got.State)
	require.Equal(t, ReasonSelfContradiction, got.Reason)
	require.Nil(t, got.Estimate)
}
