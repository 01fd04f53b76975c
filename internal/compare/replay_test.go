package compare

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// record makes the samples of the paths of this comparison, for so long, one a poll; the
// wall clock is right. If asked to, the last server lies.
func record(random *rand.Rand, poll, length time.Duration, liar bool) (servers []ntpprobe.Server, samples []ntpprobe.Sample, moments []int64) {
	for k := range minima {
		server := ntpprobe.Server{Address: fmt.Sprintf("127.0.9.%d", 1+k)}
		servers = append(servers, server)
		for at := noon + random.Int64N(int64(poll)); at < noon+int64(length); at += int64(poll) {
			there := int64(minima[k][0]) + int64(random.ExpFloat64()*float64(tail))
			back := int64(minima[k][1]) + int64(random.ExpFloat64()*float64(tail))
			lead := int64(0)
			if liar && k == len(minima)-1 {
				there, back, lead = int64(liarsWay), int64(liarsWay), int64(lie)
			}
			e := Exchange{Asked: at, Sending: at + there + back, Sent: at + there + back, Reply: reply(at+there+lead, at+there+lead, 1)}
			s := e.Sample(server, time.Duration(there+back))
			s.Header.RootDispersion = 0
			samples = append(samples, s)
		}
	}
	for at := noon + int64(time.Second); at < noon+int64(length); at += int64(time.Second) {
		moments = append(moments, at)
	}
	return servers, samples, moments
}

// TestReplay_HoldsAndIsNeverBelowTheBestPossible: with a liar that leans on the honest
// servers' edge too, if one may lie; if all are trusted, the liar makes all of them wrong. And the
// judge agrees: it is sound where we are, and never wider.
func TestReplay_HoldsAndIsNeverBelowTheBestPossible(t *testing.T) {
	for _, liar := range []bool{false, true} {
		for _, f := range tolerated {
			for _, ppm := range []int{1, 15, 200} {
				seed := rand.Uint64()
				servers, samples, moments := record(rand.New(rand.NewPCG(seed, 0)), 16*time.Second, 10*time.Minute, liar)
				ours, err := Replay(servers, assume(f, ppm), samples, moments)
				require.NoError(t, err)
				best := newJoint(servers, f, truetime.DefaultDriftPPB, int64(ppm)*1000, noon).looks(samples, moments)
				wrong := 0
				for i, look := range ours {
					if look.Outside {
						wrong++
					}
					if f > 0 || !liar {
						require.False(t, look.Outside || best[i].Outside, "seed %d, f = %d, %d ppm, liar %v, at %d s", seed, f, ppm, liar, i)
					}
					if !look.Missing {
						require.LessOrEqual(t, best[i].Half, look.Half+5, "seed %d, f = %d, %d ppm, liar %v, at %d s", seed, f, ppm, liar, i)
					}
				}
				require.False(t, ours[len(ours)-1].Missing)
				if liar && f == 0 && ppm == 1 {
					require.NotZero(t, wrong, "seed %d: this liar does no harm", seed)
				}
			}
		}
	}
}

// TestLookAt: an interval is wrong only if it leaves out every moment at which it may have been
// asked for.
func TestLookAt(t *testing.T) {
	interval, err := truetime.NewInterval(100, 200)
	require.NoError(t, err)
	for _, c := range []struct {
		before, after int64
		outside       bool
	}{{100, 200, false}, {50, 100, false}, {200, 300, false}, {50, 99, true}, {201, 300, true}, {50, 300, false}} {
		require.Equal(t, Look{Half: 50, Outside: c.outside}, lookAt(interval, nil, c.before, c.after), "%+v", c)
	}
	require.Equal(t, Look{Missing: true}, lookAt(interval, truetime.ErrStale, 0, 0))
}

// TestStrayed sees a rate that changes and does not take the width of its looks for it.
func TestStrayed(t *testing.T) {
	look := func(local int64, wall time.Duration) ntpprobe.Instant {
		return ntpprobe.Instant{Before: truetime.Reading{Nanos: local}, After: truetime.Reading{Nanos: local + 1000}, Wall: time.Unix(0, noon).Add(wall)}
	}
	straight := []ntpprobe.Instant{look(0, 0), look(1e9, 1e9+20_000), look(2e9, 2e9+41_000)}
	require.Zero(t, strayed(straight))
	bent := append(straight, look(3e9, 3e9+41_000))
	require.InDelta(t, 10, strayed(bent), 3)
}
