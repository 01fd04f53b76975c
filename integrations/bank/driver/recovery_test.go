package driver

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/integrations/bank/check"
	"github.com/trueclock/trueclock/integrations/bank/shard"
	"github.com/trueclock/trueclock/integrations/bank/wire"
)

// story is two shards that run: shard 0 has the even accounts and coordinates, shard 1 the odd ones.
type story struct {
	*client
	t *testing.T
}

const coordinator, participant = 0, 1

// moved is the transaction that the stories are about.
var moved = wire.Transfer{Tx: 100, Amounts: map[int]int64{0: -10, 1: 10}}

func begin(t *testing.T) *story {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	o := Options{Shards: 2, Delay: 3 * time.Millisecond, Seed: seed}
	c, err := StartCluster(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()); require.Empty(t, c.Words()) })
	r := &run{Options: o, cluster: c, began: time.Now()}
	r.record.Accounts = 2 * accountsPerShard
	require.NoError(t, r.open(t.Context()))
	return &story{&client{run: r, random: rand.New(rand.NewPCG(seed, 0)), wait: calmWait}, t}
}

// restart starts a shard again, with what is broken now.
func (s *story) restart(number int, broken shard.Break) {
	s.t.Helper()
	require.NoError(s.t, s.cluster.Restart(s.t.Context(), number, 0, broken))
}

// dies waits for a shard to end by itself.
func (s *story) dies(number int) {
	s.t.Helper()
	select {
	case <-s.cluster.Exited(number):
	case <-time.After(calmWait):
		s.t.Fatal("it did not die")
	}
}

func (s *story) transfer(number int, q wire.Transfer) (wire.Outcome, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), calmWait)
	defer cancel()
	return wire.Call[wire.Transfer, wire.Outcome](ctx, s.cluster.Peer(number), wire.TransferPath, q)
}

// now is all accounts.
func (s *story) now() check.Snapshot {
	s.t.Helper()
	require.NoError(s.t, s.cluster.Settle(s.t.Context()))
	snapshot, ok := s.snapshot(s.t.Context())
	require.True(s.t, ok)
	total := int64(0)
	for _, e := range snapshot.Entries {
		total += e.Balance
	}
	require.Equal(s.t, int64(balance*s.record.Accounts), total)
	return snapshot
}

// status is the participant's.
func (s *story) status() wire.Status {
	s.t.Helper()
	status, err := wire.Call[wire.Nothing, wire.Status](s.t.Context(), s.cluster.Peer(participant), wire.StatusPath, wire.Nothing{})
	require.NoError(s.t, err)
	return status
}

// inDoubt: the participant has voted and knows no decision. Its account is locked, nobody reads there, and what was
// read before is as it was.
func (s *story) inDoubt(before check.Snapshot) {
	s.t.Helper()
	require.Equal(s.t, wire.Status{InDoubt: 1}, s.status())
	outcome, err := s.transfer(participant, wire.Transfer{Tx: s.lastTx.Add(1), Amounts: map[int]int64{1: -1, 3: 1}})
	require.NoError(s.t, err)
	require.Contains(s.t, outcome.Why, "busy")
	outcome, err = s.transfer(participant, wire.Transfer{Tx: s.lastTx.Add(1), Amounts: map[int]int64{3: -1, 5: 1}})
	require.NoError(s.t, err)
	require.True(s.t, outcome.Committed, "others go on: %s", outcome.Why)
	read := func(at hlc.Timestamp, wait time.Duration) (wire.View, error) {
		ctx, cancel := context.WithTimeout(s.t.Context(), wait)
		defer cancel()
		return wire.Call[wire.Snapshot, wire.View](ctx, s.cluster.Peer(participant), wire.SnapshotPath, wire.Snapshot{At: at})
	}
	_, err = read(outcome.TS, 200*time.Millisecond)
	require.ErrorIs(s.t, err, context.DeadlineExceeded, "above the vote nobody reads")
	view, err := read(before.TS, calmWait)
	require.NoError(s.t, err)
	for account, entry := range view.Entries {
		require.Equal(s.t, before.Entries[account], entry)
	}
}

// was says what became of the transaction: it is on both accounts at one timestamp, or on neither.
func (s *story) was(committed bool) hlc.Timestamp {
	s.t.Helper()
	now := s.now()
	var at []hlc.Timestamp
	for _, number := range []int{coordinator, participant} {
		kept, err := wire.Call[wire.Snapshot, wire.Versions](s.t.Context(), s.cluster.Peer(number), wire.HistoryPath, wire.Snapshot{At: now.TS})
		require.NoError(s.t, err)
		for _, versions := range kept {
			for _, v := range versions {
				if v.Entry.Tx == moved.Tx {
					at = append(at, v.TS)
				}
			}
		}
	}
	if !committed {
		require.Empty(s.t, at)
		return hlc.Timestamp{}
	}
	require.Len(s.t, at, 2)
	require.Equal(s.t, at[0], at[1])
	return at[0]
}

// late: the transaction is asked for once more, the answer is what was decided, and it is not done once more.
func (s *story) late(committed bool) {
	s.t.Helper()
	outcome, err := s.transfer(coordinator, moved)
	require.NoError(s.t, err)
	require.Equal(s.t, committed, outcome.Committed, outcome.Why)
	require.Equal(s.t, s.was(committed), outcome.TS)
}

// TestRecovery_TheParticipantDiesWithItsVote: the coordinator does not get it, and aborts; the participant finds its vote, asks, and
// is told so.
func TestRecovery_TheParticipantDiesWithItsVote(t *testing.T) {
	s := begin(t)
	s.restart(participant, shard.DieVoted)
	outcome, err := s.transfer(coordinator, moved)
	require.NoError(t, err)
	require.False(t, outcome.Committed)
	require.Contains(t, outcome.Why, "down")
	s.dies(participant)
	s.restart(participant, shard.Nothing)
	s.was(false)
	s.late(false)
	again := moved
	again.Tx++
	outcome, err = s.transfer(coordinator, again)
	require.NoError(t, err)
	require.True(t, outcome.Committed, "the locks are free: %s", outcome.Why)
	s.now()
}

// TestRecovery_TheParticipantDiesBeforeItApplies: it holds its locks and its place from the start, while the coordinator does not
// answer, and then applies at the timestamp that the client was told.
func TestRecovery_TheParticipantDiesBeforeItApplies(t *testing.T) {
	s := begin(t)
	before := s.now()
	s.restart(participant, shard.DieTold)
	outcome, err := s.transfer(coordinator, moved)
	require.NoError(t, err)
	require.True(t, outcome.Committed, outcome.Why)
	s.dies(participant)
	s.cluster.processes[coordinator].pause()
	s.restart(participant, shard.Nothing)
	s.inDoubt(before)
	s.cluster.processes[coordinator].resume()
	require.Equal(t, outcome.TS, s.was(true))
	s.late(true)

	s.cluster.processes[coordinator].pause()
	s.restart(participant, shard.Nothing)
	require.Equal(t, wire.Status{}, s.status(), "what was carried out is not in doubt again")
	s.cluster.processes[coordinator].resume()
}

// TestRecovery_TheCoordinatorDiesUndecided: the participant waits for it, and is told that it is aborted; that holds though
// the transaction is asked for once more, and after one more restart.
func TestRecovery_TheCoordinatorDiesUndecided(t *testing.T) {
	s := begin(t)
	before := s.now()
	s.restart(coordinator, shard.DieUndecided)
	_, err := s.transfer(coordinator, moved)
	require.Error(t, err)
	s.dies(coordinator)
	s.inDoubt(before)
	s.restart(coordinator, shard.Nothing)
	s.was(false)
	s.late(false)
	s.restart(coordinator, shard.Nothing)
	s.late(false)
}

// TestRecovery_TheCoordinatorDiesDecided: nobody was told, and it is committed.
func TestRecovery_TheCoordinatorDiesDecided(t *testing.T) {
	s := begin(t)
	before := s.now()
	s.restart(coordinator, shard.DieDecided)
	_, err := s.transfer(coordinator, moved)
	require.Error(t, err)
	s.dies(coordinator)
	s.inDoubt(before)
	s.restart(coordinator, shard.Nothing)
	ts := s.was(true)
	require.True(t, ts.After(before.TS))
	s.late(true)
}
