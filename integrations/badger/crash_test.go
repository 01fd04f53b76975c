package main

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/integrations/badger/badgerstore"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// childEnv has the test binary be the program.
const childEnv = "BADGER_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// kept is what a run has said before it was killed.
type kept struct {
	transfers map[uint64]hlc.Timestamp
	totals    []audit
	first     hlc.Timestamp // the lowest commit
	highest   hlc.Timestamp // of all that was committed and read
}

// killed starts the program, kills it at a random moment after its first transfer, and returns what it had said.
func killed(t *testing.T, dir string, after time.Duration) kept {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-dir", dir, "-log", "-for", "10m", "-accounts", "20", "-clients", "16")
	cmd.Env = append(os.Environ(), childEnv+"=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	k := kept{transfers: map[uint64]hlc.Timestamp{}}
	var killer *time.Timer
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		k.note(t, lines.Text())
		if killer == nil && len(k.transfers) > 0 {
			killer = time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		}
	}
	require.ErrorContains(t, cmd.Wait(), "killed")
	return k
}

// note takes down a line.
func (k *kept) note(t *testing.T, line string) {
	t.Helper()
	var id uint64
	var ts hlc.Timestamp
	switch what, rest, _ := strings.Cut(line, " "); what {
	case "transfer":
		if n, _ := fmt.Sscanf(rest, "%x %d %d", &id, &ts.WallTime, &ts.Logical); n != 3 {
			return // its end was lost
		}
		k.transfers[id] = ts
		if k.first.IsZero() || ts.Before(k.first) {
			k.first = ts
		}
	case "total":
		if n, _ := fmt.Sscanf(rest, "%x %d %d", &id, &ts.WallTime, &ts.Logical); n != 3 {
			return
		}
		k.totals = append(k.totals, audit{ts: ts, digest: id})
	}
	if ts.After(k.highest) {
		k.highest = ts
	}
}

// has reports whether a receipt is there at a snapshot.
func (b *bank) has(t *testing.T, ts hlc.Timestamp, id uint64) bool {
	t.Helper()
	there := true
	_, err := b.store.View(t.Context(), commitwait.At(ts), func(txn *badgerstore.Txn) error {
		_, err := txn.Get(receipt(id))
		if there = err != badgerstore.ErrNotFound; there {
			return err
		}
		return nil
	})
	require.NoError(t, err)
	return there
}

// TestCrash kills the program twenty times and lets it go on. What it had acknowledged is there, at the timestamp that it said and not before; its
// snapshots are what they were; its timestamps rise; and no money was lost.
func TestCrash(t *testing.T) {
	const kills = 20
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	b := bank{accounts: 20}
	transfers, totals, tooOld := 0, 0, 0
	var highest hlc.Timestamp
	var earlier []kept
	for kill := range kills {
		k := killed(t, dir, time.Duration(r.Int64N(int64(150*time.Millisecond))))
		require.True(t, k.first.After(highest), "seed %d, kill %d: %v was committed after %v", seed, kill, k.first, highest)
		highest = k.highest
		earlier = append(earlier, k)
		if kill%5 != 4 {
			continue // the next one starts right after the crash
		}
		clock, _, err := measured(t.Context(), nil)
		require.NoError(t, err)
		store, err := badgerstore.Open(context.WithoutCancel(t.Context()), dir, clock, badgerstore.Options{Window: window})
		require.NoError(t, err)
		b.store = store
		a, err := b.total(t.Context(), commitwait.Strong())
		require.NoError(t, err, "seed %d, kill %d", seed, kill)
		highest = a.ts
		for _, k := range earlier {
			for id, ts := range k.transfers {
				transfers++
				require.True(t, b.has(t, a.ts, id), "seed %d: the transfer at %v is lost", seed, ts)
				if ts.Before(store.Stats().Oldest) {
					tooOld++
					continue
				}
				require.True(t, b.has(t, ts, id), "seed %d: it is not at its timestamp %v", seed, ts)
				require.False(t, b.has(t, before(t, ts), id), "seed %d: it is there before its timestamp %v", seed, ts)
			}
			for _, total := range k.totals {
				if totals++; !total.ts.Before(store.Stats().Oldest) {
					require.NoError(t, b.again(t.Context(), total), "seed %d, kill %d", seed, kill)
				}
			}
		}
		require.NoError(t, store.Close())
	}
	require.Positive(t, transfers)
	require.Positive(t, totals)
	t.Logf("%d kills, %d transfers and %d totals found again (with repetition), %d of them older than the history", kills, transfers, totals, tooOld)
}

// before is the timestamp below one that a version can hold.
func before(t *testing.T, ts hlc.Timestamp) hlc.Timestamp {
	t.Helper()
	version, err := hlc.Kudu().Pack(ts)
	require.NoError(t, err)
	lower, err := hlc.Kudu().Unpack(version - 1)
	require.NoError(t, err)
	return lower
}
