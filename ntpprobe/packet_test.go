package ntpprobe

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
)

// recorded reads the packets of testdata and what each is wanted to become.
func recorded(t testing.TB) map[string]struct {
	packet []byte
	want   string
} {
	files, err := filepath.Glob("../testdata/packets/*.hex")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	all := map[string]struct {
		packet []byte
		want   string
	}{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		entry := all[file]
		var digits strings.Builder
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSpace(line)
			if want, ok := strings.CutPrefix(line, "# want: "); ok {
				entry.want = want
			} else if !strings.HasPrefix(line, "#") {
				digits.WriteString(line)
			}
		}
		entry.packet, err = hex.DecodeString(digits.String())
		require.NoError(t, err, file)
		require.NotEmpty(t, entry.want, file)
		all[strings.TrimSuffix(filepath.Base(file), ".hex")] = entry
		delete(all, file)
	}
	return all
}

// TestHeader_OfARealReply reads chronyd's own bytes.
func TestHeader_OfARealReply(t *testing.T) {
	h := parseHeader(recorded(t)["follower"].packet)
	require.Equal(t, Header{
		Version: 4, Stratum: 2, PrecisionExponent: -26,
		RootDelay: 15_259, RootDispersion: 15_259, ReferenceID: 0x7f000964, // 127.0.9.100
	}, h)
	require.Equal(t, "none", h.Leap.String())
	require.Equal(t, LeapUnsynchronized, parseHeader(recorded(t)["unsynchronized"].packet).Leap)
	require.Equal(t, "RATE", parseHeader(recorded(t)["kod-rate"].packet).kissCode())
}

func TestHeader_ShortDurationsRoundUp(t *testing.T) {
	require.Equal(t, time.Duration(0), shortDuration(0))
	require.Equal(t, time.Duration(15_259), shortDuration(1), "2^-16 s is 15 258.8 ns")
	require.Equal(t, time.Second, shortDuration(1<<16))
	require.Equal(t, 65536*time.Second, shortDuration(0xffffffff).Round(time.Second))
}

func TestHeader_PrecisionRoundsUp(t *testing.T) {
	for exponent, want := range map[int8]time.Duration{0: time.Second, -1: 500 * time.Millisecond, -20: 954, -26: 15, -32: 1} {
		require.Equal(t, want, Header{PrecisionExponent: exponent}.precision())
	}
}

func TestIsReplyTo_OnlyOurNonceInServerMode(t *testing.T) {
	packet := recorded(t)["honest"].packet
	nonce := [8]byte(packet[24:32])
	require.True(t, isReplyTo(packet, nonce))
	require.True(t, isReplyTo(append(packet, 1, 2, 3), nonce), "extension fields may follow")
	require.False(t, isReplyTo(packet[:47], nonce))
	require.False(t, isReplyTo(nil, nonce))
	for i := range nonce {
		wrong := nonce
		wrong[i] ^= 1
		require.False(t, isReplyTo(packet, wrong), "one bit of byte %d", i)
	}
	client := append([]byte(nil), packet...)
	client[0] = client[0]&^7 | 3
	require.False(t, isReplyTo(client, nonce), "our own request reflected")
}

// hostileExponents is an honest reply with −128 in the poll (2) or the precision
// (3) byte, on which beevik/ntp v1.6.0 panics.
func hostileExponents(t testing.TB, at int) []byte {
	packet := bytes.Clone(recorded(t)["honest"].packet)
	packet[at] = 0x80
	return packet
}

// TestQuery_NoPacketEndsTheProcess: found by FuzzReply.
func TestQuery_NoPacketEndsTheProcess(t *testing.T) {
	ask := func(reply []byte) error {
		s := Sample{Server: Server{Address: "192.0.2.1"}, T1: truetime.Reading{Nanos: 1, Epoch: 1}, T4: truetime.Reading{Nanos: 2_000_000, Epoch: 1}}
		return exchangeOver(t, &s, reply)
	}
	require.NoError(t, ask(hostileExponents(t, 2)), "the poll field is nothing to us")
	var rejected *RejectedError
	require.ErrorAs(t, ask(hostileExponents(t, 3)), &rejected)
	require.Equal(t, ReasonMalformed, rejected.Reason)
}

// FuzzReply throws any bytes of 0 to 2,000 at an exchange: it ends in a sample
// that passes every check, or in a typed reason, never in a panic.
func FuzzReply(f *testing.F) {
	for _, r := range recorded(f) {
		f.Add(r.packet, uint32(1_000_000))
	}
	f.Add([]byte{}, uint32(0))
	f.Add(hostileExponents(f, 2), uint32(1_000_000))
	f.Add(hostileExponents(f, 3), uint32(1_000_000))
	f.Fuzz(func(t *testing.T, reply []byte, rtt uint32) {
		if len(reply) > 2000 {
			return
		}
		s := Sample{Server: Server{Address: "192.0.2.1"}, T1: truetime.Reading{Nanos: 1, Epoch: 1}, T4: truetime.Reading{Nanos: 1 + int64(rtt), Epoch: 1}}
		err := exchangeOver(t, &s, reply)
		if err != nil {
			require.ErrorAs(t, err, new(*RejectedError))
			return
		}
		require.GreaterOrEqual(t, s.Delay(), time.Duration(0))
		require.GreaterOrEqual(t, s.RootDistance(), 22_891*time.Nanosecond, "never below what rounding may hide")
		b, err := s.Bound(200_000, time.Hour)
		require.NoError(t, err)
		iv, err := b.Interval(s.T4)
		require.NoError(t, err)
		require.GreaterOrEqual(t, iv.Width(), s.Delay()+2*s.RootDistance())
	})
}
