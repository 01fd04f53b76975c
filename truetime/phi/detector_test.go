package phi

import (
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// beats sends n heartbeats, one each 100 ms of virtual time.
func beats(d *Detector, n int) {
	for range n {
		time.Sleep(100 * ms)
		d.Heartbeat()
	}
}

// regular is a detector of a peer that was regular for a while.
func regular(t *testing.T) *Detector {
	t.Helper()
	d, err := New(Options{First: 100 * ms, Window: 10, MinStdDev: 20 * ms})
	require.NoError(t, err)
	beats(d, 20)
	return d
}

// TestDetector_Stories in virtual time: each ends with what is thought of the peer.
func TestDetector_Stories(t *testing.T) {
	for name, story := range map[string]func(t *testing.T) (*Detector, State){
		"never heard of, for however long": func(t *testing.T) (*Detector, State) {
			d, err := New(Options{})
			require.NoError(t, err)
			time.Sleep(time.Hour)
			require.Greater(t, d.Phi(), 1000.0, "its silence counts all the same")
			return d, Unknown
		},
		"never heard of, and it refuses connections": func(t *testing.T) (*Detector, State) {
			d, err := New(Options{})
			require.NoError(t, err)
			require.True(t, d.Down(refused))
			return d, Suspected
		},
		"heard once, just now": func(t *testing.T) (*Detector, State) {
			d, err := New(Options{})
			require.NoError(t, err)
			time.Sleep(5 * time.Second)
			d.Heartbeat()
			require.Equal(t, 2, d.Distribution().Intervals, "the time before is no interval")
			return d, Trusted
		},
		"silent until just before the timeout": func(t *testing.T) (*Detector, State) {
			d := regular(t)
			time.Sleep(d.Timeout(8) - 1)
			return d, Trusted
		},
		"silent until the timeout": func(t *testing.T) (*Detector, State) {
			d := regular(t)
			time.Sleep(d.Timeout(8))
			require.Equal(t, d.Timeout(8), d.Silence())
			require.Equal(t, Suspected, d.State(d.Phi()), "at the threshold itself")
			return d, Suspected
		},
		"back after an outage, which is not learnt": func(t *testing.T) (*Detector, State) {
			d := regular(t)
			before := d.Distribution()
			time.Sleep(time.Minute)
			require.Equal(t, Suspected, d.State(8))
			d.Heartbeat()
			require.Equal(t, before, d.Distribution())
			return d, Trusted
		},
		"back after a refusal, which is not learnt either": func(t *testing.T) (*Detector, State) {
			d := regular(t)
			before := d.Distribution()
			time.Sleep(500 * ms)
			require.True(t, d.Down(refused))
			d.Heartbeat()
			require.Equal(t, before, d.Distribution())
			return d, Trusted
		},
		"slower from now on: learnt, and then trusted": func(t *testing.T) (*Detector, State) {
			d := regular(t)
			for range 20 {
				time.Sleep(400 * ms)
				d.Heartbeat()
			}
			time.Sleep(420 * ms)
			return d, Trusted
		},
		"silent, since we stood still": func(t *testing.T) (*Detector, State) {
			d := regular(t)
			time.Sleep(100 * ms)
			time.Sleep(500 * ms) // a SIGSTOP of ours
			require.Equal(t, Suspected, d.State(8))
			d.Excuse(500 * ms)
			require.Equal(t, 100*ms, d.Silence())
			return d, Trusted
		},
		"silent, and excused for too much": func(t *testing.T) (*Detector, State) {
			d := regular(t)
			time.Sleep(500 * ms)
			d.Excuse(time.Hour)
			require.Zero(t, d.Silence(), "and not less")
			time.Sleep(500 * ms)
			return d, Suspected
		},
		"heartbeats that came at once, as after a pause of ours: the next is expected too early": func(t *testing.T) (*Detector, State) {
			d := regular(t)
			for range 10 {
				d.Heartbeat()
			}
			time.Sleep(100*ms + 100*ms/2)
			require.Equal(t, Suspected, d.State(8))
			for range 10 {
				time.Sleep(100 * ms)
				d.Heartbeat()
			}
			time.Sleep(100*ms + 100*ms/2)
			return d, Trusted
		},
		"excused when it was heard already: the pause was learnt, and what is excused is the silence after it": func(t *testing.T) (*Detector, State) {
			d := regular(t)
			time.Sleep(600 * ms) // 500 ms of it were a pause of ours
			d.Heartbeat()
			require.Greater(t, d.Distribution().Mean, 140*ms)
			time.Sleep(400 * ms)
			d.Excuse(500 * ms)
			require.Zero(t, d.Silence())
			return d, Trusted
		},
		"excused for nothing": func(t *testing.T) (*Detector, State) {
			d := regular(t)
			time.Sleep(500 * ms)
			d.Excuse(-time.Hour)
			d.Excuse(0)
			return d, Suspected
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, wants := story(t)
				require.Equal(t, wants.String(), d.State(8).String())
			})
		})
	}
}

// TestDetector_PhiGrowsInSilence, from the first moment, and no threshold is above Certain.
func TestDetector_PhiGrowsInSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := regular(t)
		last := -1.0
		for range 1000 {
			require.Greater(t, d.Phi(), last)
			last = d.Phi()
			time.Sleep(10 * ms)
		}
		d.Down(refused)
		require.Greater(t, d.Phi(), last)
		require.Equal(t, Suspected, d.State(math.MaxFloat64))
	})
}

// TestDetector_AnyThreshold: State and Timeout say the same of it.
func TestDetector_AnyThreshold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := regular(t)
		for _, threshold := range []float64{math.NaN(), math.Inf(-1), -1, 0} {
			require.Equal(t, Suspected, d.State(threshold), "%v", threshold)
			require.Zero(t, d.Timeout(threshold), "%v", threshold)
		}
		time.Sleep(100 * 365 * 24 * time.Hour)
		for _, threshold := range []float64{Certain, math.Inf(1)} {
			require.Equal(t, Trusted, d.State(threshold), "%v", threshold)
			require.Equal(t, time.Duration(math.MaxInt64), d.Timeout(threshold), "%v", threshold)
		}
	})
}

func TestState_HasNames(t *testing.T) {
	require.Equal(t, "unknown trusted suspected invalid", Unknown.String()+" "+Trusted.String()+" "+Suspected.String()+" "+State(3).String())
}

// TestDetector_DoesNotAllocate: what is called for each message.
func TestDetector_DoesNotAllocate(t *testing.T) {
	d, err := New(Options{Window: 50})
	require.NoError(t, err)
	var refusal error = refused
	for name, call := range map[string]func(){
		"Heartbeat": d.Heartbeat, "Phi": func() { d.Phi() }, "State": func() { d.State(8) }, "Timeout": func() { d.Timeout(8) },
		"Excuse": func() { d.Excuse(1) }, "Down": func() { d.Down(refusal) }, "Distribution": func() { d.Distribution() },
	} {
		require.Zero(t, testing.AllocsPerRun(200, call), name)
	}
}

// TestDetector_ManyGoroutines, under -race: φ is a number whatever happens at once.
func TestDetector_ManyGoroutines(t *testing.T) {
	d, err := New(Options{First: ms, Window: 20})
	require.NoError(t, err)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 2000 {
				switch i % 5 {
				case 0:
					d.Heartbeat()
				case 1:
					d.Excuse(time.Microsecond)
				case 2:
					d.Timeout(5)
				case 3:
					d.Down(refused)
				}
				if phi := d.Phi(); math.IsNaN(phi) || math.IsInf(phi, 0) || phi < 0 {
					t.Errorf("φ = %v", phi)
				}
			}
		})
	}
	all.Wait()
	require.LessOrEqual(t, d.Distribution().Intervals, 20)
}

func BenchmarkPhi(b *testing.B) {
	d, _ := New(Options{})
	for b.Loop() {
		_ = d.Phi()
	}
}

func BenchmarkHeartbeat(b *testing.B) {
	d, _ := New(Options{})
	for b.Loop() {
		d.Heartbeat()
	}
}

func BenchmarkTimeout(b *testing.B) {
	d, _ := New(Options{})
	for b.Loop() {
		_ = d.Timeout(8)
	}
}
