package ntpprobe

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
)

func options(t testing.TB, addresses ...string) MeasureOptions {
	o := MeasureOptions{Local: strictClock(t), Samples: 3, Interval: time.Millisecond, Timeout: 100 * time.Millisecond}
	for _, a := range addresses {
		o.Servers = append(o.Servers, Server{Address: a})
	}
	return o
}

func TestMeasure_FourHonestServers(t *testing.T) {
	var addresses []string
	for _, s := range four(t) {
		addresses = append(addresses, s.address)
	}
	o := options(t, addresses...)
	o.Timeout = 5 * time.Second // nobody may be late, on a busy machine either
	seen := map[string]int{}
	o.OnExchange = func(x Exchange) {
		seen[x.Server.Address]++
		require.NoError(t, x.Err)
		require.Equal(t, seen[x.Server.Address], x.Number)
	}
	r, err := Measure(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, r.Err)
	require.Equal(t, 4, r.Agreed())
	require.Equal(t, 1, r.Faulty)
	require.True(t, r.Interval.Contains(r.Instant.Wall), "%v does not contain %v", r.Interval, r.Instant.Wall)
	for _, a := range addresses {
		require.Equal(t, 3, seen[a])
	}
	iv, err := r.Bound.Interval(r.Instant.After)
	require.NoError(t, err)
	require.LessOrEqual(t, r.Interval.EarliestUnixNano(), iv.EarliestUnixNano())
}

// TestMeasure_TooFewAnswer: the others' reasons are there, and so are the counts.
func TestMeasure_TooFewAnswer(t *testing.T) {
	good := newSwitchable(t)
	mute := newSwitchable(t)
	mute.mute.Store(true)
	r, err := Measure(t.Context(), options(t, good.address, mute.address, "nobody.invalid"))
	require.NoError(t, err)
	var noQuorum *truetime.NoQuorumError
	require.ErrorAs(t, r.Err, &noQuorum)
	require.Equal(t, truetime.NoQuorumError{Domains: 1, Faulty: 1, Best: 1, Needed: 3}, *noQuorum)
	require.Equal(t, []Reason{ReasonNoQuorum, ReasonTimeout, ReasonResolve}, []Reason{r.Sources[0].Reason, r.Sources[1].Reason, r.Sources[2].Reason})
	require.Equal(t, truetime.Interval{}, r.Interval)
	require.Equal(t, int64(3), mute.asked.Load(), "a lost reply is asked again")
}

// TestMeasure_IsPolite: whoever says RATE or DENY is asked once.
func TestMeasure_IsPolite(t *testing.T) {
	for _, code := range []string{"RATE", "DENY", "RSTR"} {
		s := newSwitchable(t)
		s.kiss.Store(&code)
		r, err := Measure(t.Context(), options(t, s.address))
		require.NoError(t, err)
		require.Equal(t, KissOfDeath(code), r.Sources[0].Reason)
		require.Equal(t, int64(1), s.asked.Load())
	}
}

// TestMeasure_Interrupted: what is known so far comes with the cause.
func TestMeasure_Interrupted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	o := options(t, newSwitchable(t).address)
	o.Samples, o.Interval = 1000, time.Hour
	o.OnExchange = func(Exchange) { cancel(why) }
	r, err := Measure(ctx, o)
	require.ErrorIs(t, err, why)
	require.NoError(t, r.Err)
	require.Equal(t, 1, r.Sources[0].Samples)
	require.True(t, r.Interval.Contains(r.Instant.Wall))
}

// TestMeasure_HasOnlySoManyUnderWay: forty servers, three sockets, and every server gets its turns.
func TestMeasure_HasOnlySoManyUnderWay(t *testing.T) {
	for name, measure := range map[string]func(MeasureOptions) error{
		"Measure": func(o MeasureOptions) error { _, err := Measure(t.Context(), o); return err },
		"Survey": func(o MeasureOptions) error {
			return Survey(t.Context(), o, against(t, o.Local), func(s SourceStatus) { require.Equal(t, 2, s.Samples) })
		},
	} {
		sockets := &countingDialer{}
		o := options(t)
		o.Samples, o.Concurrency, o.Timeout, o.Dialer = 2, 3, 5*time.Second, sockets
		asked := 0
		o.OnExchange = func(x Exchange) { asked++; require.NoError(t, x.Err) }
		for range 40 {
			o.Servers = append(o.Servers, Server{Address: scripted(t, func(request []byte) [][]byte { return [][]byte{honestReply(request)} })})
		}
		require.NoError(t, measure(o), name)
		require.Equal(t, int64(80), sockets.opened.Load(), name)
		require.LessOrEqual(t, sockets.most.Load(), int64(3), name)
	}
}

// countingDialer counts the sockets that are open at once.
type countingDialer struct{ opened, open, most atomic.Int64 }

func (d *countingDialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	d.opened.Add(1)
	n := d.open.Add(1)
	for m := d.most.Load(); n > m && !d.most.CompareAndSwap(m, n); m = d.most.Load() {
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	return &countedConn{Conn: conn, d: d}, err
}

type countedConn struct {
	net.Conn
	d    *countingDialer
	once sync.Once
}

func (c *countedConn) Close() error {
	c.once.Do(func() { c.d.open.Add(-1) })
	return c.Conn.Close()
}

func TestMeasure_RefusesWhatCannotWork(t *testing.T) {
	for why, change := range map[string]func(*MeasureOptions){
		"no servers":        func(o *MeasureOptions) { o.Servers = nil },
		"no local clock":    func(o *MeasureOptions) { o.Local = nil },
		"negative samples":  func(o *MeasureOptions) { o.Samples = -1 },
		"negative time-out": func(o *MeasureOptions) { o.Timeout = -1 },
		"negative room":     func(o *MeasureOptions) { o.Concurrency = -1 },
		"negative pause":    func(o *MeasureOptions) { o.Interval = -1 },
	} {
		o := options(t, "127.0.0.1:1")
		change(&o)
		_, err := Measure(t.Context(), o)
		require.ErrorAs(t, err, new(*ConfigError), why)
	}
}

func TestDefaultInterval_IsShortOnlyIfAllArePrivate(t *testing.T) {
	require.Equal(t, 100*time.Millisecond, DefaultInterval([]Server{{Address: "127.0.0.1:1"}, {Address: "a", Private: true}}))
	require.Equal(t, 2*time.Second, DefaultInterval([]Server{{Address: "127.0.0.1:1"}, {Address: "a"}}))
}
