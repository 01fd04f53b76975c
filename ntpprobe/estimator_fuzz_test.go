package ntpprobe

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
)

// script is a world told by bytes: three honest servers, whose delays and errors it
// chooses within their claims, and one liar, whose stamps are whatever it says.
type script struct {
	*world
	bytes []byte
}

func (s *script) next(n int) []byte {
	taken := make([]byte, n)
	s.bytes = s.bytes[copy(taken, s.bytes):]
	return taken
}

func (s *script) number(limit int64) int64 {
	return int64(binary.LittleEndian.Uint32(s.next(4))) % limit
}

// exchange lets the next server answer.
func (s *script) exchange() (Sample, bool) {
	who := int(s.next(1)[0]) % 4
	s.pass(time.Duration(s.number(int64(2 * time.Minute))))
	s.rate = 1/(1+s.base+float64(s.number(2*s.wander+1)-s.wander)/1e9) - 1
	claim := time.Duration(s.number(int64(10 * time.Millisecond)))
	honest := s.number(2*int64(claim)+1) - int64(claim)
	x := Sample{Server: s.servers[who], Header: Header{Version: 4, Stratum: 1, PrecisionExponent: -20, RootDispersion: claim}}
	x.T1 = s.reading()
	s.pass(time.Duration(s.number(int64(200 * time.Millisecond))))
	x.T2, x.T3 = s.now+honest, s.now+honest
	s.pass(time.Duration(s.number(int64(200 * time.Millisecond))))
	x.T4 = s.reading()
	if who == 3 {
		lie := int64(binary.LittleEndian.Uint64(s.next(8)))
		if lie%2 == 0 {
			lie >>= 20 + uint64(lie)%40 // near the truth is where it hurts
		}
		x.T2, x.T3 = x.T2+lie, x.T3+lie
		x.Header.PrecisionExponent = int8(s.next(1)[0])
		x.Header.RootDelay = time.Duration(s.number(1 << 31))
	}
	return x, who == 3
}

// FuzzEstimator: whatever one of four servers says and however the honest ones' packets
// travel, the interval contains true time, no disruption is reported, and the order in which the
// samples arrive does not matter.
func FuzzEstimator(f *testing.F) {
	f.Add(make([]byte, 200))
	for seed := range uint64(4) {
		w := newWorld(seed, 1, 0, 200_000)
		b := make([]byte, 1500)
		for i := range b {
			b[i] = byte(w.random.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &script{world: newWorld(1, 4, 0, 200_000), bytes: data}
		s.wander, s.base = 15_000, float64(s.number(370_000)-185_000)/1e9
		assume := Assumptions{DriftPPB: s.drift, WanderPPB: s.wander}
		e, err := NewEstimator(s.servers, assume)
		require.NoError(t, err)
		var samples []Sample
		for len(s.bytes) > 0 && len(samples) < 100 {
			x, lies := s.exchange()
			if err := e.Add(x); err != nil {
				require.True(t, lies, "an honest sample was refused: %v", err)
				continue
			}
			samples = append(samples, x)
			r := s.reading()
			b, err := e.Bound(r)
			if err != nil {
				require.ErrorIs(t, err, truetime.ErrNoQuorum)
				require.Zero(t, e.Disproofs())
				continue
			}
			iv, err := b.Interval(r)
			require.NoError(t, err)
			s.contains(t, iv, 0)
		}
		reversed, err := NewEstimator(s.servers, assume)
		require.NoError(t, err)
		for i := len(samples) - 1; i >= 0; i-- {
			require.NoError(t, reversed.Add(samples[i]))
		}
		e.carry = truetime.Bound{} // compare the windows alone
		inOrder, err1 := e.Bound(s.reading())
		backwards, err2 := reversed.Bound(s.reading())
		require.Equal(t, err1, err2)
		for _, b := range []*truetime.Bound{&inOrder, &backwards} { // of two equal constraints either may be named
			b.Generation, b.Basis = 0, truetime.Basis{Domains: b.Basis.Domains, Agreed: b.Basis.Agreed}
		}
		require.Equal(t, inOrder, backwards)
	})
}
