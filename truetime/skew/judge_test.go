package skew

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// rounds writes verdicts as letters: h healthy, e evict, anything else unknown.
func rounds(letters string) []Verdict {
	var list []Verdict
	for _, letter := range letters {
		list = append(list, map[rune]Verdict{'h': Healthy, 'e': Evict}[letter])
		if list[len(list)-1] == "" {
			list[len(list)-1] = Unproven
		}
	}
	return list
}

// TestJudge_OneNode of five: the others are healthy throughout.
func TestJudge_OneNode(t *testing.T) {
	for name, c := range map[string]struct{ said, held string }{
		"healthy at once":                                  {"hhh", "hhh"},
		"a round without proof is not healthy":             {"hh.h", "hh.h"},
		"out for two rounds is not out":                    {"heeh", "h..h"},
		"out for three is":                                 {"heee", "h..e"},
		"a lost answer in between neither helps nor harms": {"e.e..e", ".....e"},
		"a healthy round begins the count anew":            {"eehee", "..h.."},
		"silence is no way back":                           {"eee........", "..eeeeeeeee"},
		"three healthy rounds are not enough to come back": {"eeehhh.", "..eeeee"},
		"four are": {"eeehhhh", "..eeeeh"},
		"nor with one in between in which it was out":            {"eeehhehhh", "..eeeeeee"},
		"and a lost answer does not count":                       {"eeehh.h.h", "..eeeeeeh"},
		"who comes back is judged as before":                     {"eeehhhhee", "..eeeeh.."},
		"it may be out once and for all: evicted, never healthy": {"eeeeeeee", "..eeeeee"},
	} {
		j := newJudge(5, 3, 4)
		var held strings.Builder
		for _, v := range rounds(c.said) {
			j.round(append(rounds("hhhh"), v))
			held.WriteString(map[Verdict]string{Healthy: "h", Evict: "e", Unproven: "."}[j.nodes[4].verdict])
		}
		require.Equal(t, c.held, held.String(), name)
	}
}

// TestJudge_NeverHalf: a fleet whose clocks go one after the other keeps its majority, and says so.
func TestJudge_NeverHalf(t *testing.T) {
	for nodes, most := range map[int]int{1: 0, 2: 0, 3: 1, 4: 1, 5: 2, 6: 2} {
		require.Equal(t, most, newJudge(nodes, 1, 1).most(), "%d nodes", nodes)
	}
	j := newJudge(5, 2, 2)
	play := func(said string, times int) {
		for range times {
			j.round(rounds(said))
		}
	}
	play("ehhhh", 2)
	play(".ehhh", 2) // the first is down now, and stays evicted
	play("..ehh", 2)
	require.Equal(t, []Verdict{Evict, Evict, Unproven, Healthy, Healthy}, verdictsOf(j))
	require.Equal(t, []bool{false, false, true, false, false}, heldOf(j), "the third must not be evicted, and somebody must look at it")
	play("h.ehh", 2)
	require.Equal(t, []Verdict{Healthy, Evict, Evict, Healthy, Healthy}, verdictsOf(j), "the first is back and made room")
	require.NotContains(t, heldOf(j), true)
}

func verdictsOf(j *judge) (list []Verdict) {
	for _, n := range j.nodes {
		list = append(list, n.verdict)
	}
	return list
}

func heldOf(j *judge) (list []bool) {
	for _, n := range j.nodes {
		list = append(list, n.held)
	}
	return list
}

// TestJudge_AgainstTheWholeHistory: for rounds at random the counters give what a look at the whole history gives, and less than half are
// ever evicted.
func TestJudge_AgainstTheWholeHistory(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	for range 2000 {
		j := newJudge(1+random.IntN(7), 1+random.IntN(4), 1+random.IntN(4))
		history := make([][]Verdict, len(j.nodes))
		for range 30 {
			said := make([]Verdict, len(j.nodes))
			for i := range said {
				said[i] = rounds(string("hhhe."[random.IntN(5)]))[0]
				history[i] = append(history[i], said[i])
			}
			before := verdictsOf(j)
			j.round(said)
			evicted := 0
			for i, n := range j.nodes {
				against, healthy := runs(history[i])
				switch {
				case n.verdict == Evict:
					evicted++
					require.True(t, against >= j.evictAfter || before[i] == Evict && healthy < j.returnAfter, "seed %d: %v", seed, history[i])
				case n.held:
					require.GreaterOrEqual(t, against, j.evictAfter, "seed %d", seed)
				default:
					require.Less(t, against, j.evictAfter, "seed %d: %v", seed, history[i])
					require.Equal(t, said[i] == Healthy, n.verdict == Healthy, "seed %d", seed)
				}
			}
			require.LessOrEqual(t, 2*evicted, max(len(j.nodes)-1, 0), "seed %d", seed)
		}
	}
}

// runs counts from the end how many rounds said evict with none that said healthy after them, and the other way round.
func runs(history []Verdict) (against, healthy int) {
	count := func(what, until Verdict) (n int) {
		for i := len(history) - 1; i >= 0 && history[i] != until; i-- {
			if history[i] == what {
				n++
			}
		}
		return n
	}
	return count(Evict, Healthy), count(Healthy, Evict)
}
