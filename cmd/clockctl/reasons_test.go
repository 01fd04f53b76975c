package main

import (
	"bytes"
	"encoding/binary"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/fleet"
)

// bent changes the honest reply.
func bent(bend func(reply []byte)) fleet.Config {
	return fleet.Config{Reply: func(_, honest []byte) [][]byte {
		bend(honest)
		return [][]byte{honest}
	}}
}

// move adds seconds to the stamp at a place of the reply.
func move(reply []byte, at int, seconds int64) {
	binary.BigEndian.PutUint64(reply[at:], binary.BigEndian.Uint64(reply[at:])+uint64(seconds<<32))
}

// delayed is an honest server far away.
func delayed(t *testing.T, by time.Duration) string {
	t.Helper()
	relay, err := fleet.StartRelay(fleet.RelayConfig{Upstream: startServer(t, fleet.Config{}), Back: fleet.Path{Min: by}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = relay.Close() })
	return relay.Addr()
}

// monthEnd is how far away the end of this month is: where a server makes the step of a leap second.
func monthEnd() time.Duration {
	now := time.Now().UTC()
	return time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, time.UTC).Sub(now)
}

// TestProbe_EveryReason: one server of each kind that fails a client, beside four honest ones. The four
// agree whatever the others do, and each of these has its state and its code.
func TestProbe_EveryReason(t *testing.T) {
	type want struct{ state, reason string }
	hostile := map[string]want{}
	var args []string
	add := func(address, state, reason string) {
		args = append(args, address)
		hostile[address] = want{state, reason}
	}
	for range 4 {
		add(startServer(t, fleet.Config{}), "agreed", "")
	}
	add(startServer(t, fleet.Config{Offset: time.Hour}), "falseticker", "outside_agreement")
	for _, code := range []string{"RATE", "DENY", "RSTR", "X123"} {
		add(startServer(t, fleet.Config{Reply: fleet.Kiss(code)}), "rejected", "kiss_of_death:"+code)
	}
	for _, code := range []string{"INIT", "STEP", "\x1b[2J"} {
		add(startServer(t, fleet.Config{Reply: fleet.Kiss(code)}), "rejected", "unsynchronized")
	}
	add(startServer(t, fleet.Config{Reply: fleet.Unsynchronized}), "rejected", "unsynchronized")
	add(startServer(t, fleet.Config{Reply: fleet.HeldFor(time.Hour)}), "rejected", "impossible")
	add(startServer(t, bent(func(b []byte) { move(b, 32, 1) })), "rejected", "impossible") // sent before it received
	add(startServer(t, fleet.Config{RootDispersion: time.Minute}), "rejected", "root_distance")
	add(startServer(t, fleet.Config{RootDelay: 20 * time.Second}), "rejected", "root_distance")
	add(delayed(t, 1100*time.Millisecond), "rejected", "round_trip")
	add(startServer(t, bent(func(b []byte) { b[1] = 16 })), "rejected", "stratum")
	add(startServer(t, bent(func(b []byte) { b[1] = 0 })), "rejected", "stratum")
	add(startServer(t, bent(func(b []byte) { b[0] = b[0]&^(7<<3) | 1<<3 })), "rejected", "malformed") // version 1
	add(startServer(t, bent(func(b []byte) { b[3] = 100 })), "rejected", "malformed")                 // precision 2^100 s
	add(startServer(t, bent(func(b []byte) { b[3] = 0x80 })), "rejected", "malformed")                // precision 2^-128 s
	add(startServer(t, bent(func(b []byte) { clear(b[40:48]) })), "rejected", "malformed")
	add(startServer(t, bent(func(b []byte) { b[24] ^= 1 })), "rejected", "malformed") // of another request
	add(startServer(t, fleet.Config{Reply: fleet.Truncated(47)}), "rejected", "malformed")
	add(startServer(t, fleet.Config{Reply: fleet.Garbage(1)}), "rejected", "")
	add(startServer(t, fleet.Config{Reply: func(request, _ []byte) [][]byte { return [][]byte{bytes.Repeat(request, 1300)} }}), "rejected", "malformed")
	add(startServer(t, fleet.Config{Stratum: 2, ReferenceID: [4]byte{127, 127, 1, 255}}), "rejected", "smear")
	add(startServer(t, fleet.Config{Offset: monthEnd(), Leap: 1}), "rejected", "leap")
	add(startServer(t, fleet.Config{Reply: fleet.Silent}), "unreachable", "timeout")
	add(closedPort(t), "unreachable", "refused")
	add("nobody.invalid", "unreachable", "resolve")
	add("fe80::1", "unreachable", "no_route") // of which link?
	if address := ownAddress(); address != nil {
		s := startServer(t, fleet.Config{Addr: net.JoinHostPort(address.String(), "0"), Stratum: 2, ReferenceID: [4]byte(address)})
		add(s, "rejected", "loop")
	}
	code, stdout, stderr := invoke(t.Context(), append([]string{"probe", "-o", "json", "-n", "1", "--timeout", "3s", "--max-faulty", "1"}, args...)...)
	require.Equal(t, 0, code, stderr)
	require.NoError(t, checkPrinted([]string{"probe", "-o", "json"}, stdout))
	p := parseProbe(t, stdout)
	p.consistent(t)
	require.Equal(t, 4, p.Agreed)
	for i, s := range p.Sources {
		w := hostile[args[i]]
		require.Equal(t, w.state, s.State, "%d: %s, %v", i, s.Address, reason(s))
		if w.reason != "" {
			require.Equal(t, w.reason, reason(s), "%d: %s", i, s.Address)
		}
	}
}

// ownAddress is an IPv4 address of this machine that others see, or nil: a server there is asked without
// leaving the machine.
func ownAddress() net.IP {
	addresses, _ := net.InterfaceAddrs()
	for _, a := range addresses {
		if prefix, ok := a.(*net.IPNet); ok && prefix.IP.IsGlobalUnicast() && prefix.IP.To4() != nil {
			return prefix.IP.To4()
		}
	}
	return nil
}
