package chronyd

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDaemons_ServeWhatTheySay(t *testing.T) {
	honest := Start(t, Config{})
	reply, ok := honest.Ask(time.Second)
	require.True(t, ok)
	require.Equal(t, uint8(1), reply.Stratum)
	require.Less(t, reply.Offset.Abs(), 20*time.Millisecond)
	require.GreaterOrEqual(t, reply.Delay, -time.Millisecond)

	for _, offset := range []time.Duration{250 * time.Millisecond, -400 * time.Millisecond} {
		liar := Start(t, Config{Follow: honest, Offset: offset})
		reply, ok = liar.Ask(time.Second)
		require.True(t, ok)
		require.Equal(t, uint8(2), reply.Stratum)
		require.InDelta(t, float64(offset), float64(reply.Offset), float64(20*time.Millisecond))
	}

	lost := Start(t, Config{Unready: true})
	require.Eventually(t, func() bool { reply, ok = lost.Ask(100 * time.Millisecond); return ok }, 10*time.Second, 10*time.Millisecond)
	require.Equal(t, uint8(3), reply.Leap)

	honest.Stop()
	_, ok = honest.Ask(100 * time.Millisecond)
	require.False(t, ok)
}

func TestDaemon_UnderFaketimeIsInconsistent(t *testing.T) {
	RequireFaketime(t)
	d := Start(t, Config{Faketime: 250 * time.Millisecond})
	reply, ok := d.Ask(time.Second)
	require.True(t, ok)
	require.InDelta(t, float64(-250*time.Millisecond), float64(reply.Delay), float64(20*time.Millisecond))
}

func TestRequired_Lists(t *testing.T) {
	for list, want := range map[string]bool{"": false, "all": true, "chronyd": true, "faketime,chronyd": true, "faketime": false, "allure": false} {
		require.Equal(t, want, required(list, "chronyd"), list)
	}
}
