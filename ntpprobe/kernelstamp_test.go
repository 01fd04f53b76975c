package ntpprobe

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime/truetimetest"
)

// machine is a computer whose clocks a test moves: the reply arrives 200 µs after the
// request, and the program gets to read it another 2 ms later.
type machine struct {
	memoryConn
	local  *truetimetest.Manual
	mono   int64
	wall   int64
	step   time.Duration // of the wall clock while the reply waits
	strays int           // datagrams before it, stamped
	plain  bool          // the reply comes without a stamp
}

func (m *machine) pass(d time.Duration) {
	m.local.Advance(d)
	m.mono += int64(d)
	m.wall += int64(d)
}

func (m *machine) look() wallLook { return wallLook{m.mono, m.wall, m.mono} }

// receive is the socket of a kernel that stamps.
func (m *machine) receive(buffer []byte) (int, int64, error) {
	m.pass(200 * time.Microsecond)
	stamp := m.wall
	m.pass(2 * time.Millisecond)
	m.wall += int64(m.step)
	if m.strays > 0 {
		m.strays--
		return copy(buffer, "hello"), stamp, nil
	}
	if m.plain {
		stamp = 0
	}
	n, err := m.Read(buffer)
	return n, stamp, err
}

// exchange lets the connection make one exchange and returns it.
func (m *machine) exchange(t *testing.T) *exchangeConn {
	t.Helper()
	m.reply, m.local, m.mono, m.wall = recorded(t)["honest"].packet, truetimetest.NewManual(1e9), 7e9, worldStart
	c := &exchangeConn{Conn: m, local: m.local, receive: m.receive, look: m.look}
	_, err := c.Write(make([]byte, headerSize))
	require.NoError(t, err)
	_, err = c.Read(make([]byte, 1000))
	require.NoError(t, err)
	require.True(t, c.got)
	return c
}

// TestExchange_KernelStamps: what the stamp is worth, and that the wall clock
// cannot touch a sample: a step during the exchange leaves T1 and T4 as they are
// without stamps.
func TestExchange_KernelStamps(t *testing.T) {
	for name, story := range map[string]struct {
		machine    machine
		read, want int64 // T4 − T1 by our own reading, and with the stamp
	}{
		"the kernel saw it 2 ms before us":   {machine{}, 2200 * µs, 266_672}, // 4/3 of 200 µs, rounded outward
		"strays first: the reply's counts":   {machine{strays: 2}, 6600 * µs, 5_000_004},
		"stepped an hour forward meanwhile":  {machine{step: time.Hour}, 2200 * µs, 2200 * µs},
		"stepped an hour back":               {machine{step: -time.Hour}, 2200 * µs, 2200 * µs},
		"stepped, and the rest looks right":  {machine{step: 600 * time.Microsecond}, 2200 * µs, 2200 * µs}, // believed, T4 would be 80 µs early
		"stepped while a stray was read too": {machine{strays: 1, step: time.Second}, 4400 * µs, 4400 * µs},
		"the reply has no stamp":             {machine{plain: true}, 2200 * µs, 2200 * µs},
		"a stamped stray, then one without":  {machine{plain: true, strays: 1}, 4400 * µs, 4400 * µs},
	} {
		t.Run(name, func(t *testing.T) {
			c := story.machine.exchange(t)
			require.Equal(t, story.want, c.t4.Nanos-c.t1.Nanos)
			require.Equal(t, story.read-story.want, int64(c.gain))
		})
	}
}

// TestExchange_OrderOfLooks: the wall clock is read outside of T1 and T4, so that T1
// stays just before the packet leaves.
func TestExchange_OrderOfLooks(t *testing.T) {
	l := &logged{memoryConn: memoryConn{reply: recorded(t)["honest"].packet}, LocalClock: strictClock(t)}
	c := newExchangeConn(wire{l}, l)
	c.receive = func(b []byte) (int, int64, error) { n, err := c.Conn.Read(b); return n, 1, err }
	c.look = func() wallLook { l.events = append(l.events, "look"); return wallLook{} }
	_, err := c.Write(make([]byte, headerSize))
	require.NoError(t, err)
	_, err = c.Read(make([]byte, 1000))
	require.NoError(t, err)
	require.Equal(t, []string{"look", "clock", "sent", "received", "look", "clock"}, l.events)
}
