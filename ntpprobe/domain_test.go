package ntpprobe

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
)

// TestEstimator_OneAddressCountsOnce: two names that share an address are one
// failure domain, so one liar does not get two votes.
func TestEstimator_OneAddressCountsOnce(t *testing.T) {
	w := newWorld(7, 4, 0, 200_000)
	e, err := NewEstimator(w.servers, Assumptions{DriftPPB: w.drift})
	require.NoError(t, err)
	for i := range w.servers {
		s := w.exchange(i)
		if i >= 2 { // both answered by the host of server 1
			s.Remote = w.exchange(1).Remote
		}
		require.NoError(t, e.Add(s))
	}
	_, err = e.Bound(w.reading())
	var noQuorum *truetime.NoQuorumError
	require.ErrorAs(t, err, &noQuorum)
	require.Equal(t, 2, noQuorum.Domains)
}

// TestEstimator_OneLoopbackServerUnderManyNames: on loopback ports tell servers
// apart, so one address and port, however it was spelt, has one vote.
func TestEstimator_OneLoopbackServerUnderManyNames(t *testing.T) {
	for _, c := range []struct {
		why     string
		remotes []string
		domains int
	}{
		{"four ports are four servers", []string{"127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3", "127.0.0.1:4"}, 4},
		{"four addresses of the loopback network as well", []string{"127.0.9.1:1", "127.0.9.2:1", "127.0.9.3:1", "127.0.9.4:1"}, 4},
		{"two spellings of one server are one", []string{"127.0.0.1:1", "127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"}, 3},
		{"and so are the unspecified address, IPv6 and a zone", []string{"127.0.0.1:1", "0.0.0.0:1", "[::1]:1", "[::1%lo]:1"}, 1},
	} {
		w := newWorld(7, 4, 0, 200_000)
		e, err := NewEstimator(w.servers, Assumptions{Faulty: FaultyNone})
		require.NoError(t, err)
		for i, remote := range c.remotes {
			s := w.exchange(i)
			s.Remote = netip.MustParseAddrPort(remote)
			require.NoError(t, e.Add(s))
		}
		b, err := e.Bound(w.reading())
		require.NoError(t, err)
		require.Equal(t, c.domains, b.Basis.Domains, c.why)
	}
}

// TestEstimator_ANameThatMoves: two names led to one liar and counted once. When one
// of them moves to an honest machine, what it said as the liar is forgotten: else
// the liar would have two votes.
func TestEstimator_ANameThatMoves(t *testing.T) {
	w := newWorld(7, 4, 0, 200_000)
	e, err := NewEstimator(w.servers, Assumptions{DriftPPB: w.drift})
	require.NoError(t, err)
	add := func(i int, remote string, lie int64, claim time.Duration) {
		s := Sample{Server: w.servers[i], Remote: netip.MustParseAddrPort(remote), T1: w.reading(), T2: w.now + lie, T3: w.now + lie,
			Header: Header{Version: 4, Stratum: 1, PrecisionExponent: -20, RootDispersion: claim}}
		w.pass(time.Microsecond)
		s.T4 = w.reading()
		require.NoError(t, e.Add(s))
	}
	add(0, "203.0.113.66:123", 700_000, 100*time.Microsecond)
	add(1, "203.0.113.66:123", 700_000, 100*time.Microsecond)
	add(2, "192.0.2.3:123", 0, 2*time.Millisecond)
	add(3, "192.0.2.4:123", 0, 2*time.Millisecond)
	add(1, "192.0.2.2:123", 0, 2*time.Millisecond)
	b, err := e.Bound(w.reading())
	require.NoError(t, err)
	require.Equal(t, 4, b.Basis.Domains)
	iv, err := b.Interval(w.reading())
	require.NoError(t, err)
	w.contains(t, iv, 7)
}

// TestEstimator_PooledServersShareTheirFreshness: a domain is as fresh as its freshest
// member.
func TestEstimator_PooledServersShareTheirFreshness(t *testing.T) {
	w := newWorld(8, 2, 0, 200_000)
	w.servers[0].Domain, w.servers[1].Domain = "lab", "lab"
	e, err := NewEstimator(w.servers, Assumptions{DriftPPB: w.drift})
	require.NoError(t, err)
	require.NoError(t, e.Add(w.exchange(0)))
	w.pass(time.Minute)
	fresh := w.exchange(1)
	require.NoError(t, e.Add(fresh))
	b, err := e.Bound(w.reading())
	require.NoError(t, err)
	require.Equal(t, fresh.T4.Nanos+int64(time.Hour), b.Expires)
	require.Equal(t, 1, b.Basis.Domains)
}

// TestEstimator_AnsweringCountsDomains: two names of one machine that answer are one
// domain that does.
func TestEstimator_AnsweringCountsDomains(t *testing.T) {
	w := newWorld(7, 4, 0, 200_000)
	e, err := NewEstimator(w.servers, Assumptions{DriftPPB: w.drift})
	require.NoError(t, err)
	for i := range w.servers {
		s := w.exchange(i)
		if i == 1 {
			s.Remote = w.exchange(0).Remote
		}
		require.NoError(t, e.Add(s))
	}
	require.Equal(t, 3, e.answering())
	mute := Sample{Server: w.servers[3]}
	for range resolveAgain {
		e.Reject(mute, mute.rejected(ReasonTimeout, "no reply in time"))
	}
	require.Equal(t, 2, e.answering())
}
