package compare

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/trueclock/trueclock/internal/fleet"
	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// headerSize is the length of an NTP header, RFC 5905 §7.3.
const headerSize = 48

// Exchange is one exchange of a client with a server, as a relay between them saw it.
// Moments are unix nanoseconds of the wall clock.
type Exchange struct {
	Asked         int64 // the relay had the request
	Sending, Sent int64 // before and after it sent the reply to the client
	Reply         []byte
}

// Tap collects the exchanges that pass through one relay. The zero value is ready.
type Tap struct {
	mu     sync.Mutex
	asked  map[[8]byte]int64 // by nonce
	passed map[netip.Addr][]Exchange
}

// Passed takes a datagram from the relay, as its configuration's Passed.
func (t *Tap) Passed(p fleet.Passage) {
	if len(p.Datagram) < headerSize {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.asked == nil {
		t.asked, t.passed = map[[8]byte]int64{}, map[netip.Addr][]Exchange{}
	}
	if p.ToServer {
		t.asked[[8]byte(p.Datagram[40:48])] = p.Read
		return
	}
	nonce := [8]byte(p.Datagram[24:32])
	if asked, ok := t.asked[nonce]; ok {
		delete(t.asked, nonce)
		client := p.Client.Addr().Unmap()
		t.passed[client] = append(t.passed[client], Exchange{Asked: asked, Sending: p.Sending, Sent: p.Sent, Reply: p.Datagram})
	}
}

// Of returns the exchanges of one client, in the order in which it got the replies.
func (t *Tap) Of(client netip.Addr) []Exchange {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := slices.Clone(t.passed[client])
	slices.SortStableFunc(list, func(a, b Exchange) int { return cmp.Compare(a.Sent, b.Sent) })
	return list
}

// Sample returns the sample that the client could at best have made with the wall clock as
// its local clock, if by its own stamps the packets travelled for at most delay.
//
// The reply reached the client's kernel, which stamped it, between Sending and Sent: on
// loopback that is done within the call that sends. So the sample's T4 is not before the client's, and
// its T1, which lies the delay and the server's turn before Sending, not after the client's:
// the sample is never more precise. It is sound whatever the delay is, since T1 is not after Asked
// either, and the server was asked later still.
func (e Exchange) Sample(server ntpprobe.Server, delay time.Duration) ntpprobe.Sample {
	t2, t3 := unixNano(e.Reply[32:]), unixNano(e.Reply[40:])
	t1 := min(e.Sending-int64(delay)-(t3-t2), e.Asked)
	s := ntpprobe.Sample{
		Server: server, T1: truetime.Reading{Nanos: t1, Epoch: wallEpoch}, T2: t2, T3: t3, T4: truetime.Reading{Nanos: e.Sent, Epoch: wallEpoch},
		Header: header(e.Reply),
	}
	return s
}

// wallEpoch is the epoch of the wall clock's readings: nobody sets it meanwhile.
const wallEpoch = 1

// leastDelay is what the packets travelled without the way between client and relay.
func (e Exchange) leastDelay() time.Duration {
	return time.Duration(e.Sending - e.Asked - (unixNano(e.Reply[40:]) - unixNano(e.Reply[32:])))
}

// near is the most that a packet may take between client and relay, on loopback.
const near = 100 * time.Millisecond

// Samples pairs the exchanges of a client with one server with the delays that it
// noted, both in order. Where they do not fit the longer list gives way; unpaired counts what is left
// over, such as a last reply that was not noted any more. A wrong pair costs precision, not truth.
func Samples(server ntpprobe.Server, exchanges []Exchange, delays []time.Duration) (samples []ntpprobe.Sample, unpaired int) {
	for len(exchanges) > 0 && len(delays) > 0 {
		excess := len(exchanges) - len(delays)
		beyond := delays[0] - exchanges[0].leastDelay() // on the way between client and relay
		fits := beyond >= 0 && beyond < near
		if fits {
			samples = append(samples, exchanges[0].Sample(server, delays[0]))
		} else {
			unpaired++
		}
		if fits || excess >= 0 {
			exchanges = exchanges[1:]
		}
		if fits || excess <= 0 {
			delays = delays[1:]
		}
	}
	return samples, unpaired + len(exchanges) + len(delays)
}

// header reads what a reply says about its server; root fields are rounded up.
func header(reply []byte) ntpprobe.Header {
	return ntpprobe.Header{
		Leap: ntpprobe.Leap(reply[0] >> 6), Version: reply[0] >> 3 & 7, Stratum: reply[1], PrecisionExponent: int8(reply[3]),
		RootDelay: short(reply[4:]), RootDispersion: short(reply[8:]), ReferenceID: binary.BigEndian.Uint32(reply[12:]),
	}
}

// short decodes 16.16 seconds, rounded up.
func short(b []byte) time.Duration {
	return time.Duration((uint64(binary.BigEndian.Uint32(b))*uint64(time.Second) + 1<<16 - 1) >> 16)
}

// unixNano decodes a 32.32 stamp of era 0, rounded half up as ntpprobe has it.
func unixNano(b []byte) int64 {
	const since1900 = 2_208_988_800
	stamp := binary.BigEndian.Uint64(b)
	return (int64(stamp>>32)-since1900)*1e9 + int64((stamp&0xffffffff*1e9+1<<31)>>32)
}
