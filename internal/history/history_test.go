package history

import (
	"flag"
	"testing"

	"github.com/stretchr/testify/require"
)

var histories = flag.Int("history.runs", 600, "random histories in each test")

// TestValid_NothingIsFound: what a store that does everything right has shown is never an anomaly, to a check or to the oracle.
func TestValid_NothingIsFound(t *testing.T) {
	r := newRand(t)
	for range *histories {
		ops := draw(r, 1+r.IntN(30))
		require.Empty(t, All(ops), list(ops))
		agree(t, ops, "valid")
	}
}

// TestValid_Large: nor of many transactions over many keys, and one timestamp that goes back is found among them.
func TestValid_Large(t *testing.T) {
	ops := large(5_000)
	require.Empty(t, All(ops))
	for i := range ops[2_500:] {
		if op := &ops[2_500+i]; op.known() && op.writes() {
			op.TS.WallTime -= 1000
			break
		}
	}
	require.Contains(t, kinds(All(ops)), "real time")
}

// TestBroken_EqualsTheOracle: one to three things go wrong in a valid history, and the checks find what the oracle finds.
func TestBroken_EqualsTheOracle(t *testing.T) {
	r := newRand(t)
	found := map[string]bool{}
	for range *histories {
		ops := draw(r, 2+r.IntN(20))
		story, times := "", 1+r.IntN(3)
		for range times {
			b := breakages[r.IntN(len(breakages))]
			b.do(r, ops)
			story += b.name + "; "
		}
		agree(t, ops, story)
		staleAddsNothing(t, ops)
		for _, kind := range kinds(All(ops)) {
			found[kind] = true
		}
	}
	for _, c := range checks {
		if *histories < 500 {
			break
		}
		require.True(t, found[c.kind], "no broken history had a %s; the comparison said nothing about it", c.kind)
	}
}

// staleAddsNothing: a snapshot that passes RealTime and Snapshots is not stale, as StaleReads says.
func staleAddsNothing(t *testing.T, ops []Op) {
	t.Helper()
	guilty := newOracle(ops).culprits()
	if len(guilty["impossible"]) > 0 {
		return
	}
	for i := range guilty["stale read"] {
		if len(ops[i].Writes) == 0 && !ops[i].TS.IsZero() {
			require.True(t, guilty["real time"][i] || guilty["snapshots"][i], "%d\n%s", i, list(ops))
		}
	}
}
