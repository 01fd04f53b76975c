package ntpprobe

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestProber_SaysWhichLeapSecondIsPending: two of three announce it, one may lie.
func TestProber_SaysWhichLeapSecondIsPending(t *testing.T) {
	announcing := func(request []byte) [][]byte {
		reply := honestReply(request)
		reply[0] = reply[0]&0x3f | byte(LeapInsert)<<6
		return [][]byte{reply}
	}
	silentAboutIt := func(request []byte) [][]byte { return [][]byte{honestReply(request)} }
	local := strictClock(t)
	for want, third := range map[Leap]func([]byte) [][]byte{LeapInsert: announcing, LeapNone: silentAboutIt} {
		c := Config{Local: local, Servers: Servers(scripted(t, announcing), scripted(t, third), scripted(t, silentAboutIt))}
		p, clock := runOn(t, c, local)
		eventually(t, "an interval", func() bool { _, err := clock.Now(); return err == nil })
		eventually(t, "all three were heard", func() bool {
			for _, s := range p.Sources() {
				if s.Samples == 0 {
					return false
				}
			}
			return true
		})
		require.Equal(t, want, p.Leap().Kind)
		require.Equal(t, want == LeapNone, p.Leap().At.IsZero())
	}
}
