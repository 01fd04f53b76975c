package shard

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/integrations/bank/wire"
)

func opened(t *testing.T, dir string) *store {
	t.Helper()
	s, err := openStore(dir)
	require.NoError(t, err)
	return s
}

func version(t *testing.T, ts hlc.Timestamp) uint64 {
	t.Helper()
	v, err := layout().Pack(ts)
	require.NoError(t, err)
	return v
}

// TestStore_TwoTransactionsAtOneVersion, whose keys are different, as locks see to it: Badger keeps both, also when it is opened again.
func TestStore_TwoTransactionsAtOneVersion(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir)
	low, ts := hlc.Timestamp{WallTime: 1_790_000_000e9}, hlc.Timestamp{WallTime: 1_790_000_001e9, Logical: 3}
	one, other := wire.Entry{Balance: 10, Tx: 1}, wire.Entry{Balance: 20, Tx: 2}
	require.NoError(t, s.write(version(t, ts), puts(wire.Entries{0: one})...))
	require.NoError(t, s.write(version(t, ts), puts(wire.Entries{3: other})...))
	late := wire.Entry{Balance: 30, Tx: 3}
	require.NoError(t, s.write(version(t, low), puts(wire.Entries{6: late})...), "one below what is there, of a third account")
	for range 2 {
		all, err := s.read([]int{0, 3, 6, 9}, version(t, ts))
		require.NoError(t, err)
		require.Equal(t, wire.Entries{0: one, 3: other, 6: late}, all)
		all, err = s.read([]int{0, 3, 6}, version(t, ts)-1)
		require.NoError(t, err)
		require.Equal(t, wire.Entries{6: late}, all)
		past, err := s.versions(newest)
		require.NoError(t, err)
		require.Equal(t, wire.Versions{0: {{TS: ts, Entry: one}}, 3: {{TS: ts, Entry: other}}, 6: {{TS: low, Entry: late}}}, past)
		require.NoError(t, s.close())
		s = opened(t, dir)
	}
	require.NoError(t, s.close())
}

// TestStore_OneKeyTwiceAtOneVersion is the trap, which is why the keys must be different: the first is gone.
func TestStore_OneKeyTwiceAtOneVersion(t *testing.T) {
	s := opened(t, t.TempDir())
	defer s.close()
	first, second := wire.Entry{Balance: 10, Tx: 1}, wire.Entry{Balance: 20, Tx: 2}
	require.NoError(t, s.write(100, puts(wire.Entries{0: first})...))
	require.NoError(t, s.write(100, puts(wire.Entries{0: second})...))
	past, err := s.versions(newest)
	require.NoError(t, err)
	require.Len(t, past[0], 1)
	require.Equal(t, second, past[0][0].Entry)
}

// TestStore_AKillLeavesAnEmptyFile, with which Badger alone does not open.
func TestStore_AKillLeavesAnEmptyFile(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir)
	there := wire.Entries{0: {Balance: 10, Tx: 1}}
	require.NoError(t, s.write(100, puts(there)...))
	require.NoError(t, s.close())
	for _, name := range []string{"00099.mem", "000099.vlog"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
		s = opened(t, dir)
		all, err := s.read([]int{0}, newest)
		require.NoError(t, err)
		require.Equal(t, there, all)
		require.NoError(t, s.close())
	}
}

// TestStore_Records: a vote is there until it is discarded, or until its decision is carried out at whatever timestamp.
func TestStore_Records(t *testing.T) {
	s := opened(t, t.TempDir())
	defer s.close()
	count := func() (n int) {
		require.NoError(t, s.each(votes, newest, false, func([]byte, uint64, []byte) error { n++; return nil }))
		return n
	}
	for tx := int64(1); tx <= 3; tx++ {
		require.NoError(t, s.write(recorded, change{voteKey(tx), voteRecord{Tx: tx}}))
	}
	require.Equal(t, 3, count())
	require.NoError(t, s.write(discarded, change{key: voteKey(1)}))
	require.NoError(t, s.write(version(t, hlc.Timestamp{WallTime: 1_790_000_000e9}), change{key: voteKey(2)}, change{accountKey(0), wire.Entry{Tx: 2}}))
	require.Equal(t, 1, count())
	var r voteRecord
	found, err := s.get(voteKey(3), newest, &r)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, int64(3), r.Tx)
	accounts, err := s.accounts()
	require.NoError(t, err)
	require.Equal(t, []int{0}, accounts)
}

// TestSkewed runs wrong by what it is told, from where it is told, and never back.
func TestSkewed(t *testing.T) {
	for _, ppb := range []int64{-150_000, 0, 150_000} {
		c, err := newSkewed(1e15, ppb)
		require.NoError(t, err)
		last := int64(0)
		for range 1000 {
			under, err := c.LocalClock.Read()
			require.NoError(t, err)
			r, err := c.Read()
			require.NoError(t, err)
			require.GreaterOrEqual(t, r.Nanos, last)
			last = r.Nanos
			passed := float64(under.Nanos - c.began)
			require.GreaterOrEqual(t, float64(r.Nanos-1e15), passed*(1+float64(ppb)/1e9)-1)
		}
	}
}
