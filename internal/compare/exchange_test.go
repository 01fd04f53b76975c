package compare

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/fleet"
	"github.com/trueclock/trueclock/ntpprobe"
)

const noon = 1_790_000_000_000_000_000 // some moment, unix ns

// reply is a server's reply with these stamps and this nonce.
func reply(t2, t3 int64, nonce uint64) []byte {
	b := make([]byte, headerSize)
	b[0], b[1], b[3] = 4<<3|4, 1, 256-25
	binary.BigEndian.PutUint32(b[4:], 1)
	binary.BigEndian.PutUint32(b[8:], 1<<16)
	binary.BigEndian.PutUint64(b[24:], nonce)
	for at, nanos := range map[int]int64{32: t2, 40: t3} {
		binary.BigEndian.PutUint64(b[at:], uint64(nanos/1e9+2_208_988_800)<<32|uint64(nanos%1e9)<<32/1e9)
	}
	return b
}

// TestExchange_NeverMorePreciseThanTheClient: whatever the way between client and relay
// takes, what is replayed begins no later and ends no earlier than what the client saw; and
// if the client noted nonsense it is still true.
func TestExchange_NeverMorePreciseThanTheClient(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	some := func() int64 { return random.Int64N(3_000_000) }
	for range 10_000 {
		t1 := noon + some() // by the client's stamps
		asked := t1 + some()
		t2 := asked + some()
		t3 := t2 + some()
		sending := t3 + some()
		t4 := sending + some()
		sent := t4 + some()
		e := Exchange{Asked: asked, Sending: sending, Sent: sent, Reply: reply(t2, t3, 1)}
		noted := time.Duration(t4 - t1 - (t3 - t2) + 2) // the reply's stamps have rounding errors

		s := e.Sample(ntpprobe.Server{Address: "127.0.9.1"}, noted)
		require.LessOrEqual(t, s.T1.Nanos, t1, "seed %d", seed)
		require.GreaterOrEqual(t, s.T4.Nanos, t4, "seed %d", seed)
		require.NoError(t, s.Check(ntpprobe.Limits{}), "seed %d", seed)
		require.InDelta(t, t2, s.T2, 1)
		require.InDelta(t, t3, s.T3, 1)

		wrong := e.Sample(ntpprobe.Server{Address: "127.0.9.1"}, time.Duration(random.Int64N(int64(noted))))
		require.LessOrEqual(t, wrong.T1.Nanos, t2, "seed %d", seed)
	}
}

func TestExchange_ReadsTheHeader(t *testing.T) {
	h := Exchange{Reply: reply(noon, noon, 1)}.Sample(ntpprobe.Server{}, 0).Header
	require.Equal(t, ntpprobe.Header{Version: 4, Stratum: 1, PrecisionExponent: -25, RootDelay: 15_259, RootDispersion: time.Second}, h)
}

// TestSamples_PairsWhatTheClientNoted in the order of arrival. If one note is missing the
// next one may take its place, but never one with which the packet would have been faster than
// the relay saw it.
func TestSamples_PairsWhatTheClientNoted(t *testing.T) {
	var exchanges []Exchange
	for i, trip := range []int64{2e6, 4e6, 3e6} {
		at := noon + int64(i)*1e9
		exchanges = append(exchanges, Exchange{Asked: at, Sending: at + trip, Sent: at + trip + 1000, Reply: reply(at+1e6, at+1e6, uint64(i))})
	}
	const two, three, four = 2*time.Millisecond + 20*time.Microsecond, 3*time.Millisecond + 20*time.Microsecond, 4*time.Millisecond + 20*time.Microsecond
	for _, c := range []struct {
		name     string
		notes    []time.Duration
		paired   []time.Duration // round trips of the samples
		unpaired int
	}{
		{"all", []time.Duration{two, four, three}, []time.Duration{two, four, three}, 0},
		{"the last was not noted any more", []time.Duration{two, four}, []time.Duration{two, four}, 1},
		{"the second was not noted", []time.Duration{two, three}, []time.Duration{two, three}, 1},
		{"the first was not noted: it takes the note of the second", []time.Duration{four, three}, []time.Duration{four, three}, 1},
		{"one note too many", []time.Duration{two, four, three, two}, []time.Duration{two, four, three}, 1},
		{"the first reply was not seen", []time.Duration{0, two, four, three}, []time.Duration{two, four, three}, 1},
		{"one note makes no sense", []time.Duration{two, time.Second, three}, []time.Duration{two, three}, 1},
	} {
		samples, unpaired := Samples(ntpprobe.Server{}, exchanges, c.notes)
		require.Equal(t, c.unpaired, unpaired, c.name)
		require.Len(t, samples, len(c.paired), c.name)
		for i, s := range samples {
			require.InDelta(t, c.paired[i], s.Delay(), 1003, c.name)
		}
	}
}

// TestTap_PairsByNonce, for each client.
func TestTap_PairsByNonce(t *testing.T) {
	var tap Tap
	request := func(nonce uint64) []byte {
		b := make([]byte, headerSize)
		binary.BigEndian.PutUint64(b[40:], nonce)
		return b
	}
	alice, bob := netip.MustParseAddrPort("127.0.9.201:1"), netip.MustParseAddrPort("127.0.9.202:1")
	tap.Passed(fleet.Passage{Client: alice, ToServer: true, Datagram: request(1), Read: 10})
	tap.Passed(fleet.Passage{Client: bob, ToServer: true, Datagram: request(2), Read: 20})
	tap.Passed(fleet.Passage{Client: alice, ToServer: true, Datagram: request(3), Read: 30})
	tap.Passed(fleet.Passage{Client: bob, Datagram: reply(noon, noon, 2), Sending: 40, Sent: 41})
	tap.Passed(fleet.Passage{Client: alice, Datagram: reply(noon, noon, 3), Sending: 52, Sent: 53})
	tap.Passed(fleet.Passage{Client: alice, Datagram: reply(noon, noon, 1), Sending: 50, Sent: 51})
	tap.Passed(fleet.Passage{Client: alice, Datagram: reply(noon, noon, 1), Sending: 60, Sent: 61}) // twice
	tap.Passed(fleet.Passage{Client: alice, Datagram: reply(noon, noon, 4), Sending: 70, Sent: 71}) // never asked
	tap.Passed(fleet.Passage{Client: alice, Datagram: []byte("short")})
	got := tap.Of(alice.Addr())
	require.Len(t, got, 2)
	require.Equal(t, []int64{10, 51, 30, 53}, []int64{got[0].Asked, got[0].Sent, got[1].Asked, got[1].Sent})
	require.Len(t, tap.Of(bob.Addr()), 1)
}
