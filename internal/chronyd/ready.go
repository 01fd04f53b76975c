package chronyd

import (
	"crypto/rand"
	"encoding/binary"
	"net"
	"testing"
	"time"
)

const (
	startBudget = 20 * time.Second
	askEvery    = 50 * time.Millisecond
	closeEnough = 2 * time.Millisecond // of a falseticker's offset, and of what it admits to
)

// Reply is what the harness looks at in an NTP reply.
type Reply struct {
	Leap, Stratum uint8
	Offset        time.Duration // by the usual formula, against the wall clock
	Delay         time.Duration // negative for an inconsistent server
	RootDistance  time.Duration // what the server says it may be off
}

// Ask sends one request. It is a few lines on purpose: the harness must not
// depend on the code that it tests.
func (d *Daemon) Ask(timeout time.Duration) (Reply, bool) {
	conn, err := net.Dial("udp", d.Addr.String())
	if err != nil {
		return Reply{}, false
	}
	defer conn.Close()
	request := make([]byte, 48)
	request[0] = 4<<3 | 3
	_, _ = rand.Read(request[40:])
	t1 := time.Now().UnixNano()
	_, err = conn.Write(request)
	b := make([]byte, 1024)
	if err == nil {
		err = conn.SetReadDeadline(time.Now().Add(timeout))
	}
	if err != nil {
		return Reply{}, false
	}
	n, err := conn.Read(b)
	t4 := time.Now().UnixNano()
	if err != nil || n < 48 || [8]byte(b[24:32]) != [8]byte(request[40:48]) {
		return Reply{}, false
	}
	t2, t3 := unixNano(b[32:]), unixNano(b[40:])
	return Reply{
		Leap: b[0] >> 6, Stratum: b[1],
		Offset: time.Duration((t2-t1)/2 + (t3-t4)/2), Delay: time.Duration((t4 - t1) - (t3 - t2)),
		RootDistance: short(b[4:])/2 + short(b[8:]),
	}, true
}

// unixNano decodes a 32.32 stamp of era 0.
func unixNano(b []byte) int64 {
	const ntpEpoch = 2_208_988_800
	stamp := binary.BigEndian.Uint64(b)
	return (int64(stamp>>32)-ntpEpoch)*1e9 + int64(stamp&0xffffffff*1e9>>32)
}

// short decodes 16.16 seconds.
func short(b []byte) time.Duration {
	return time.Duration(uint64(binary.BigEndian.Uint32(b)) * uint64(time.Second) >> 16)
}

// await asks until the daemon serves what it should. A follower admits to a large
// error at first, with which its lie is none.
func (d *Daemon) await(t testing.TB, c Config) {
	t.Helper()
	deadline := time.After(startBudget)
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	for {
		reply, ok := d.Ask(askEvery)
		ready := ok && reply.Leap != 3 && reply.Stratum > 0 && reply.Stratum < 16
		if ready && (c.Follow == nil || (reply.Offset-c.Offset).Abs() < closeEnough && reply.RootDistance < closeEnough) {
			return
		}
		select {
		case <-ticker.C:
		case <-d.exited:
			t.Fatalf("chronyd on %s has exited", d.Addr)
		case <-deadline:
			t.Fatalf("chronyd on %s is not ready after %v: answered %v, %+v", d.Addr, startBudget, ok, reply)
		}
	}
}
