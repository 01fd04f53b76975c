package skew

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
)

// TestMatrix_FewerThanHalfCanDoNothing: fleets at random, in which fewer than half of the nodes lie about anything they like or have
// a clock that is out, and messages get lost. An honest node whose clock is right is never to be evicted; one whose clock
// is out by more than the limit and all uncertainties is never healthy, and is to be evicted if a
// majority of right ones answered. A rule that asks for a majority of those that answered fails here.
func TestMatrix_FewerThanHalfCanDoNothing(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	between := func(low, high int64) int64 { return low + random.Int64N(high-low+1) }
	seen := map[string]int{}
	for range 20_000 {
		n := 1 + random.IntN(9)
		liars := random.IntN((n-1)/2 + 1)
		bad := -1 // an honest node whose clock is out
		if liars > 0 && random.IntN(2) == 0 {
			liars--
			bad = liars
		}
		nodes, lie := make([]Node, n), between(-700*ms, 700*ms)
		answered := 0 // honest ones whose clocks are right
		for i := range nodes {
			sent := between(1000*ms, 1100*ms)
			read := sent + between(0, 20*ms)
			nodes[i] = Node{
				Known: random.IntN(5) > 0,
				Sent:  truetime.Reading{Nanos: sent, Epoch: epoch}, Got: truetime.Reading{Nanos: read + between(0, 20*ms), Epoch: epoch},
			}
			switch {
			case i < liars: // all of them the same story, or each its own
				at := read + lie
				if random.IntN(2) == 0 {
					at = read + between(-700*ms, 700*ms)
				}
				nodes[i].Read, nodes[i].Earliest, nodes[i].Latest = at+between(-ms, ms), at, at+between(0, ms)
				continue
			case i == bad:
				nodes[i].Read = read + 600*ms
			default:
				nodes[i].Read = read + between(-20*ms, 20*ms)
				if nodes[i].Known {
					answered++
				}
			}
			nodes[i].Earliest, nodes[i].Latest = read-between(0, 2*ms), read+between(0, 2*ms)
		}
		_, verdicts := Matrix(nodes, limit)
		for i := liars; i < n; i++ {
			if i != bad {
				require.NotEqual(t, Evict, verdicts[i], "seed %d: node %d of %d, %d liars", seed, i, n, liars)
				continue
			}
			require.NotEqual(t, Healthy, verdicts[i], "seed %d: node %d of %d, %d liars", seed, i, n, liars)
			if nodes[i].Known && 2*answered > n {
				require.Equal(t, Evict, verdicts[i], "seed %d: node %d of %d, %d liars, %d answered", seed, i, n, liars, answered)
			}
		}
		for _, v := range verdicts {
			seen[string(v)]++
		}
		if liars > 0 && bad >= 0 {
			seen["liars and a bad clock"]++
		}
	}
	for _, what := range []string{"healthy", "evict", "unknown", "liars and a bad clock"} {
		require.Positive(t, seen[what], what)
	}
}

func TestNode_Validate(t *testing.T) {
	at := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC).UnixNano()
	require.NoError(t, said(at, 0, ms).Validate())
	for why, change := range map[string]func(*Node){
		"no interval":      func(n *Node) { n.Known = false },
		"inverted":         func(n *Node) { n.Earliest = n.Latest + 1 },
		"before 1970":      func(n *Node) { n.Read = -1 },
		"earliest in 1969": func(n *Node) { n.Earliest = -1 },
		"after 2099":       func(n *Node) { n.Latest = highest },
	} {
		n := said(at, 0, ms)
		change(&n)
		var wrong *NodeError
		require.ErrorAs(t, n.Validate(), &wrong, why)
	}
}
