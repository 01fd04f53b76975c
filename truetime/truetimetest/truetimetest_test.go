package truetimetest_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime/truetimetest"
)

func TestManual_MovesOnlyByHand(t *testing.T) {
	m := truetimetest.NewManual(5)
	a, err := m.Read()
	require.NoError(t, err)
	require.Equal(t, int64(5), a.Nanos)
	require.Equal(t, int64(7), m.Advance(2).Nanos)
	require.Empty(t, m.EpochCause())
	m.Suspend("asleep")
	b, err := m.Read()
	require.NoError(t, err)
	require.Equal(t, int64(7), b.Nanos)
	require.Greater(t, b.Epoch, a.Epoch)
	require.Equal(t, "asleep", m.EpochCause())
	why := errors.New("broken")
	m.Fail(why)
	_, err = m.Read()
	require.ErrorIs(t, err, why)
}

func TestVirtual_RunsAtItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fast, slow := truetimetest.NewVirtual(200_000), truetimetest.NewVirtual(-500)
		<-time.After(100 * time.Hour) // of virtual time
		a, err := fast.Read()
		require.NoError(t, err)
		b, err := slow.Read()
		require.NoError(t, err)
		require.Equal(t, int64(100*time.Hour+72*time.Second), a.Nanos)
		require.Equal(t, int64(100*time.Hour-180*time.Millisecond), b.Nanos)
		require.NotEqual(t, a.Epoch, b.Epoch)
	})
}

func TestAround_IsValid(t *testing.T) {
	m := truetimetest.NewManual(1)
	r, err := m.Read()
	require.NoError(t, err)
	require.NoError(t, truetimetest.Around(r, 1e18, time.Millisecond, 200_000).Validate())
	require.NoError(t, truetimetest.Around(r, 1e18, 0, 0).Validate())
}
