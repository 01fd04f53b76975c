package hlc

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestStats_TellWhatHappened(t *testing.T) {
	s := &script{now: 1_000}
	failing := errors.New("no bound")
	latest := func() (int64, error) { return 1_010, nil }
	c, err := New(Options{Physical: s.read, MaxLead: 100, MaxLogical: 2, Latest: func() (int64, error) { return latest() }})
	require.NoError(t, err)
	require.Equal(t, Stats{Lead: -1_000}, c.Stats())

	_, _ = c.Update(Timestamp{1_110, 1})
	for range 2 {
		c.Now() // {1110 2} was full, so {1111 0} is a carry
	}
	_, err = c.Update(Timestamp{})
	require.ErrorIs(t, err, ErrUnset)
	require.ErrorAs(t, c.Observe(Timestamp{1_111, 3}), new(*TooFarAheadError))
	_, err = c.Update(Timestamp{1_000, 3})
	require.ErrorAs(t, err, new(*LogicalTooHighError), "of now or later")
	_, err = c.Update(Timestamp{999, 3})
	require.NoError(t, err, "of the past it does no harm")
	_, err = c.Update(Timestamp{math.MaxInt64, 3})
	require.ErrorAs(t, err, new(*TooFarAheadError))
	_, err = c.ForceUpdate(Timestamp{math.MaxInt64, 3})
	require.ErrorIs(t, err, ErrExhausted)
	_, err = c.ForceUpdate(Timestamp{})
	require.ErrorIs(t, err, ErrUnset)
	forced, err := c.ForceUpdate(Timestamp{5_000, math.MaxUint32})
	require.NoError(t, err)
	require.Equal(t, Timestamp{5_001, 0}, forced)
	latest = func() (int64, error) { return 0, failing }
	_, err = c.Update(Timestamp{1_001, 0})
	require.ErrorIs(t, err, failing)
	require.ErrorAs(t, err, new(*NoLatestError))
	_, err = c.Update(Timestamp{1_000, 0})
	require.NoError(t, err, "one that is not ahead needs no limit")

	require.Equal(t, Stats{
		Last: Timestamp{5_001, 1}, Lead: 4_001, HighestLogical: 2, Carries: 2, Forced: 1,
		Refused: Refused{Unset: 2, TooFarAhead: 2, LogicalTooHigh: 1, Exhausted: 1, NoLatest: 1},
	}, c.Stats())
	require.Equal(t, uint64(7), c.Stats().Refused.Total())
}

// TestUpdateFrom_LeadIsALowerBoundOnTheSkew, and a refused timestamp counts for it.
func TestUpdateFrom_LeadIsALowerBoundOnTheSkew(t *testing.T) {
	s := &script{now: 1_000}
	c := newClock(t, s, 100)
	for _, m := range []struct {
		peer string
		wall int64
	}{{"b", 900}, {"a", 1_050}, {"a", 1_020}, {"c", 2_000}, {"b", 940}} {
		_, _ = c.UpdateFrom(m.peer, Timestamp{m.wall, 0})
	}
	_, err := c.UpdateFrom("d", Timestamp{})
	require.ErrorIs(t, err, ErrUnset)
	_, err = c.UpdateFrom("e", Timestamp{WallTime: math.MinInt64, Logical: 5})
	require.NoError(t, err)
	require.Equal(t, []PeerStats{
		{Peer: "c", Lead: 1_000, MaxLead: 1_000, Heard: 1, Refused: 1},
		{Peer: "a", Lead: 20, MaxLead: 50, Heard: 2},
		{Peer: "b", Lead: -60, MaxLead: -60, Heard: 2},
		{Peer: "e", Lead: -1_000, MaxLead: -1_000, Heard: 1},
	}, c.Stats().Peers, "d has told nothing")
}

// TestUpdateFrom_NamesHaveABound: a name in each message must not fill the memory.
func TestUpdateFrom_NamesHaveABound(t *testing.T) {
	s := &script{now: 1_000}
	c := newClock(t, s, 100)
	for i := range MaxPeers + 500 {
		_, _ = c.UpdateFrom(fmt.Sprint("node-", i), Timestamp{int64(500 + i%3), 0})
	}
	peers := c.Stats().Peers
	require.Len(t, peers, MaxPeers+1)
	var heard uint64
	for _, p := range peers {
		heard += p.Heard
		if p.Peer == OtherPeers {
			require.Equal(t, PeerStats{Peer: OtherPeers, Lead: p.Lead, MaxLead: -498, Heard: 500}, p)
		}
	}
	require.Equal(t, uint64(MaxPeers+500), heard)
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = c.UpdateFrom("node-7", Timestamp{500, 0}) }), "a name that is known")
}

// TestLatest_IsWhatTheLimitCountsFrom, to the nanosecond.
func TestLatest_IsWhatTheLimitCountsFrom(t *testing.T) {
	s := &script{now: 1_000}
	latest := int64(1_300)
	c, err := New(Options{Physical: s.read, MaxLead: 50, Latest: func() (int64, error) { return latest, nil }})
	require.NoError(t, err)
	require.NoError(t, c.Observe(Timestamp{1_350, 0}))
	var far *TooFarAheadError
	require.ErrorAs(t, c.Observe(Timestamp{1_351, 0}), &far)
	require.Equal(t, TooFarAheadError{Remote: Timestamp{1_351, 0}, Physical: 1_000, Latest: 1_300, Lead: 51, Limit: 50}, *far)
	latest = math.MinInt64
	s.now = 1_320
	require.NoError(t, c.Observe(Timestamp{1_370, 0}), "the time is not before the physical clock")
	latest = math.MaxInt64
	require.NoError(t, c.Observe(Timestamp{lastWall, 0}))
	require.ErrorAs(t, c.Observe(Timestamp{math.MaxInt64, 0}), new(*TooFarAheadError), "the latest time ends where physical time does")
}

func TestStats_OfTheRealClock(t *testing.T) {
	c, err := New(Options{})
	require.NoError(t, err)
	c.Now()
	s := c.Stats()
	require.LessOrEqual(t, s.Lead, time.Duration(0))
	require.Greater(t, s.Lead, -time.Minute)
	require.Zero(t, s.Jumps)
}

// TestLatest_NoMessageVouchesForAJump: without a Latest a message that agrees with a wall clock that was refused is believed. With
// one, it is known what time it is, and the two may be wrong together.
func TestLatest_NoMessageVouchesForAJump(t *testing.T) {
	m := &machine{wall: noon}
	c, err := New(Options{Wall: m.clock(t, WallOptions{}), Latest: func() (int64, error) { return noon + 5e9, nil }})
	require.NoError(t, err)
	m.pass(time.Second)
	m.step(time.Hour)
	before := c.Now()
	_, err = c.Update(Timestamp{WallTime: m.wall})
	require.ErrorAs(t, err, new(*TooFarAheadError))
	require.Equal(t, before, c.Peek())
	require.Zero(t, c.Stats().Jumps.Confirmed)
}
