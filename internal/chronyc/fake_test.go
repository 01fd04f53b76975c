package chronyc

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/chronyc/chronyctest"
)

func askFake(t *testing.T, f *chronyctest.Fake) (Report, error) {
	t.Helper()
	d, err := Reach(t.Context(), Options{Address: f.Start(t), Timeout: 300 * time.Millisecond})
	if err != nil {
		return Report{}, err
	}
	defer d.Close()
	return d.Report(t.Context(), func() error { return nil })
}

// TestReport_OfAFakeDaemon: numbers and signs.
func TestReport_OfAFakeDaemon(t *testing.T) {
	r, err := askFake(t, &chronyctest.Fake{Offset: 0.25, Ahead: 0.003, Sources: 1, State: 2})
	require.NoError(t, err)
	require.Equal(t, Synchronized, r.State)
	require.Equal(t, "127.0.9.10", r.Reference)
	require.InDelta(t, 250e6, float64(r.Offset), 10, "slow")
	require.InDelta(t, 3.5e-6, r.Frequency, 1e-12, "slow")
	require.GreaterOrEqual(t, r.RootDelay, 2*time.Millisecond)
	require.GreaterOrEqual(t, r.RootDispersion, time.Millisecond)
	require.InDelta(t, 2e6, float64(r.Distance()), 100)
	require.InDelta(t, 252e6, float64(r.ErrorBound()), 100)
	s := r.Sources[0]
	require.Equal(t, Source{
		Address: "127.0.9.10", Name: "ntp1.[31mexample", Mode: "server", State: Falseticker, Stratum: 1, Poll: 64 * time.Second, Reach: 0o377,
		Measured: true, Age: 9 * time.Second, Offset: s.Offset, Error: s.Error,
	}, s)
	require.InDelta(t, 253e6, float64(s.Offset), 10, "3 ms ahead of a clock that is 250 ms ahead of ours")
	require.InDelta(t, 1e6+100e3, float64(s.Error), 500, "1 ms, and 10 s at 10 ppm")
	require.GreaterOrEqual(t, s.Error, 1_100*time.Microsecond)
}

// TestReport_WhatIsNotForUsIsSkipped: the reply that counts may come behind others.
func TestReport_WhatIsNotForUsIsSkipped(t *testing.T) {
	for name, other := range map[string]func(reply []byte) []byte{
		"an earlier reply, late": func(b []byte) []byte { b[19]--; return b },
		"to another command":     func(b []byte) []byte { b[5] ^= 1; return b },
		"a request":              func(b []byte) []byte { b[1] = 1; return b },
		"another version":        func(b []byte) []byte { b[0] = 5; return b },
		"half a header":          func(b []byte) []byte { return b[:replyHead-1] },
		"nothing":                func([]byte) []byte { return nil },
	} {
		spoilt := &chronyctest.Fake{Offset: 0.25, Sources: 1, Spoil: func(_, reply []byte) [][]byte {
			lie := slices.Clone(reply)
			copy(lie[replyHead:], make([]byte, 8)) // what would be believed
			return [][]byte{other(lie), reply}
		}}
		r, err := askFake(t, spoilt)
		require.NoError(t, err, name)
		require.InDelta(t, 250e6, float64(r.Offset), 10, name)
		only := &chronyctest.Fake{Spoil: func(_, reply []byte) [][]byte { return [][]byte{other(reply)} }}
		_, err = askFake(t, only)
		require.ErrorContains(t, err, "no reply within 300ms, but 1 datagrams that were none", name)
	}
}

// TestReport_BadReplies: a typed error for each.
func TestReport_BadReplies(t *testing.T) {
	spoil := func(command uint16, change func([]byte) []byte) *chronyctest.Fake {
		return &chronyctest.Fake{Sources: 1, Spoil: func(request, reply []byte) [][]byte {
			if binary.BigEndian.Uint16(request[4:]) == command {
				reply = change(reply)
			}
			return [][]byte{reply}
		}}
	}
	put := func(command uint16, at int, value uint32) *chronyctest.Fake {
		return spoil(command, func(b []byte) []byte { binary.BigEndian.PutUint32(b[replyHead+at:], value); return b })
	}
	for name, f := range map[string]*chronyctest.Fake{
		"it is short":                   spoil(chronyctest.Tracking, func(b []byte) []byte { return b[:replyHead+20] }),
		"a header alone":                spoil(chronyctest.SourceData, func(b []byte) []byte { return b[:replyHead] }),
		"of another type":               spoil(chronyctest.SourceStats, func(b []byte) []byte { b[7] = 2; return b }),
		"of a type that nobody knows":   spoil(chronyctest.SourceStats, func(b []byte) []byte { b[7] = 200; return b }),
		"leap status 4":                 {Leap: 4},
		"a million sources":             {Sources: 1_000_000},
		"4 billion sources":             {Sources: math.MaxUint32},
		"an unknown state":              {Sources: 1, State: 6},
		"a correction beyond belief":    {Offset: 3e9},
		"a negative root delay":         put(chronyctest.Tracking, 20+4+4+12+24, chronyctest.Float(-1)),
		"a negative root dispersion":    put(chronyctest.Tracking, 20+4+4+12+28, chronyctest.Float(-1)),
		"an endless root dispersion":    put(chronyctest.Tracking, 20+4+4+12+28, chronyctest.Float(1e12)),
		"a negative error of a source":  put(chronyctest.SourceData, 20+6*2+4+8, chronyctest.Float(-1)),
		"an offset beyond belief":       put(chronyctest.SourceData, 20+6*2+4+4, chronyctest.Float(-1e12)),
		"a frequency beyond belief":     put(chronyctest.Tracking, 20+4+4+12+12, chronyctest.Float(1e16)),
		"a negative skew":               put(chronyctest.Tracking, 20+4+4+12+20, chronyctest.Float(-1)),
		"a rate that nobody could have": put(chronyctest.SourceStats, 4+20+12+8, chronyctest.Float(1e18)),
	} {
		_, err := askFake(t, f)
		var malformed *MalformedError
		if none := new(NoDaemonError); errors.As(err, &none) {
			require.ErrorContains(t, err, "malformed", name)
			continue
		}
		require.ErrorAs(t, err, &malformed, name)
	}
	_, err := askFake(t, spoil(chronyctest.SourceName, func(b []byte) []byte { b[9] = unauthorised; return b }))
	var status *StatusError
	require.ErrorAs(t, err, &status)
	require.ErrorContains(t, err, "not authorised")
	_, err = askFake(t, spoil(chronyctest.Tracking, func(b []byte) []byte { b[0], b[9] = 7, badVersion; return b }))
	require.ErrorContains(t, err, "another version")
	_, err = askFake(t, &chronyctest.Fake{Sources: 1, Updates: true})
	require.ErrorContains(t, err, "ask again")
	_, err = askFake(t, &chronyctest.Fake{Spoil: func(_, _ []byte) [][]byte { return nil }})
	require.ErrorContains(t, err, "no reply within 300ms")
}

// TestReport_SourcesThatMove: a source that comes or goes gives others its number, and what is said
// of two is never told of one. It is asked again.
func TestReport_SourcesThatMove(t *testing.T) {
	_, err := askFake(t, &chronyctest.Fake{Sources: 1, Statistics: chronyctest.IPv4(127, 0, 9, 11)})
	require.EqualError(t, err, "chronyc: chronyd's sources changed each time they were read: the statistics of 127.0.9.11 for 127.0.9.10; ask again")
	times := 0
	once := &chronyctest.Fake{Sources: 1, Spoil: func(request, reply []byte) [][]byte {
		if binary.BigEndian.Uint16(request[4:]) == chronyctest.SourceStats && times == 0 {
			times++
			reply[replyHead+4]++
		}
		return [][]byte{reply}
	}}
	r, err := askFake(t, once)
	require.NoError(t, err)
	require.Len(t, r.Sources, 1)

	d := newDaemon(&scripted{daemon: &chronyctest.Fake{Sources: 1}}, "scripted", time.Second)
	d.Unix = true
	r, err = d.Report(t.Context(), func() error { return nil })
	require.NoError(t, err)
	require.Equal(t, "selected", r.Sources[0].Selection)
	other := (&chronyctest.Fake{}).Answer(append(make([]byte, 5), chronyctest.SelectData, 0, 0, 0, 0, 0, 0), 0)[replyHead:]
	other[4+3]++
	d = newDaemon(&scripted{daemon: &chronyctest.Fake{Sources: 1}, command: chronyctest.SelectData, body: other}, "scripted", time.Second)
	d.Unix = true
	_, err = d.Report(t.Context(), func() error { return nil })
	require.ErrorContains(t, err, "the selection of 127.0.9.11 for 127.0.9.10")
}

// TestReport_ASlowDaemon keeps within the time-out of each request, and not within that of all.
func TestReport_ASlowDaemon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		d := newDaemon(&scripted{daemon: &chronyctest.Fake{Sources: 900}, takes: 900 * time.Millisecond}, "scripted", time.Second)
		_, err := d.Report(t.Context(), func() error { return nil })
		require.EqualError(t, err, "chronyc: chronyd is too slow: not all of its replies came within 10s")
		require.Less(t, time.Since(began), 12*time.Second)
	})
}

// TestReport_EndsWithItsContext, although the daemon is silent.
func TestReport_EndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	asked := make(chan struct{}, 1)
	f := &chronyctest.Fake{Spoil: func(_, _ []byte) [][]byte { asked <- struct{}{}; return nil }}
	address := f.Start(t)
	go func() { <-asked; cancel(errors.New("enough")) }()
	_, err := Reach(ctx, Options{Address: address, Timeout: time.Hour})
	require.EqualError(t, err, "enough")
}

// TestTracking_ClaimsNoLessThanTheDaemon: the protocol rounds what the daemon believes, and the
// daemon's own interval lies in ours.
func TestTracking_ClaimsNoLessThanTheDaemon(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 0))
		f := &chronyctest.Fake{Offset: (r.Float64() - 0.5) * math.Pow(10, float64(r.IntN(10))-5), RootDelay: r.Float64(), RootDispersion: math.Pow(10, -6*r.Float64())}
		d := newDaemon(&scripted{daemon: f}, "scripted", time.Second)
		now, err := d.tracking(t.Context())
		require.NoError(t, err)
		distance := f.RootDelay/2 + f.RootDispersion
		require.LessOrEqual(t, float64(now.Offset-now.Distance()), (f.Offset-distance)*1e9, "seed %d", seed)
		require.GreaterOrEqual(t, float64(now.Offset+now.Distance()), (f.Offset+distance)*1e9, "seed %d", seed)
		require.GreaterOrEqual(t, now.RootDelay.Seconds(), f.RootDelay, "seed %d", seed)
		require.GreaterOrEqual(t, now.RootDispersion.Seconds(), f.RootDispersion, "seed %d", seed)
	}
}

// FuzzReplies: whatever the daemon says, an error or numbers that can be used, never a panic.
func FuzzReplies(f *testing.F) {
	daemon := &chronyctest.Fake{Offset: 0.25, Sources: 1, State: 2, Statistics: chronyctest.IPv4(127, 0, 9, 10)}
	request := make([]byte, requestHead)
	for _, command := range []uint16{chronyctest.Tracking, chronyctest.SourceData, chronyctest.SourceStats, chronyctest.SourceName, chronyctest.SelectData, chronyctest.NSources} {
		binary.BigEndian.PutUint16(request[4:], command)
		f.Add(uint8(command), daemon.Answer(request, 0)[replyHead:])
	}
	f.Fuzz(func(t *testing.T, command uint8, body []byte) {
		conn := &scripted{daemon: daemon, command: uint16(command), body: body}
		d := newDaemon(conn, "fuzz", time.Second)
		d.Unix = command%2 == 0 || command == chronyctest.SelectData
		r, err := d.Report(t.Context(), func() error { return nil })
		if err != nil {
			return
		}
		require.Less(t, r.ErrorBound(), time.Duration(math.MaxInt64))
		require.GreaterOrEqual(t, r.ErrorBound(), r.Distance())
		require.Positive(t, r.Distance())
		for _, s := range r.Sources {
			require.GreaterOrEqual(t, s.Error, time.Duration(0))
			require.GreaterOrEqual(t, s.Age, time.Duration(0))
			require.Positive(t, s.Poll)
		}
	})
}

// scripted answers from memory, one command with a body from somewhere else.
type scripted struct {
	net.Conn
	daemon  *chronyctest.Fake
	command uint16
	body    []byte
	takes   time.Duration
	reply   []byte
}

func (s *scripted) SetDeadline(time.Time) error { return nil }

func (s *scripted) Write(request []byte) (int, error) {
	s.reply = s.daemon.Answer(request, 0)
	if binary.BigEndian.Uint16(request[4:]) == s.command {
		s.reply = append(s.reply[:replyHead:replyHead], s.body...)
	}
	return len(request), nil
}

func (s *scripted) Read(b []byte) (int, error) { time.Sleep(s.takes); return copy(b, s.reply), nil }
