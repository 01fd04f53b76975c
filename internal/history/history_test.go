package history

import (
	"flag"
	"testing"

	"github.com/stretchr/testify/require"
)

var histories = flag.Int("history.runs", 1_000, "random histories in each test")

// TestValid_NothingIsFound: what a store that does everything right has shown is never an anomaly, to a check or to the oracle.
func TestValid_NothingIsFound(t *testing.T) {
	r := newRand(t)
	for range *histories {
		ops := draw(r, 1+r.IntN(30))
		require.Empty(t, All(ops), list(ops))
		agree(t, ops, "valid")
	}
}

// TestBroken_EqualsTheOracle: one to three things go wrong in a valid history, and the checks find what the oracle finds.
func TestBroken_EqualsTheOracle(t *testing.T) {
	r := newRand(t)
	found := map[string]map[string]int{}
	for range *histories {
		ops := draw(r, 2+r.IntN(20))
		story, times := "", 1+r.IntN(3)
		for range times {
			b := breakages[r.IntN(len(breakages))]
			b.do(r, ops)
			story += b.name + "; "
		}
		agree(t, ops, story)
		for _, kind := range kinds(All(ops)) {
			if found[kind] == nil {
				found[kind] = map[string]int{}
			}
			found[kind][story]++
		}
	}
	for _, c := range checks {
		require.NotEmpty(t, found[c.kind], "no broken history had a %s; the comparison said nothing about it", c.kind)
	}
}
