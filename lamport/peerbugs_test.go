package lamport

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPeersBugs: what went wrong in other systems' logical clocks, and what happens here.
func TestPeersBugs(t *testing.T) {
	for name, answer := range map[string]func(t *testing.T){
		"to witness the largest number set the clock to 0": func(t *testing.T) {
			for _, remote := range []uint64{math.MaxUint64, math.MaxUint64 - 1, MaxTime} {
				var c Clock
				_, err := c.Tick()
				require.NoError(t, err)
				_, err = c.ForceWitness(remote)
				require.ErrorIs(t, err, ErrExhausted)
				require.Equal(t, uint64(1), c.Time())
			}
		},
		"one message used the counter up": func(t *testing.T) {
			var c Clock
			_, err := c.Witness(MaxTime - 1)
			require.ErrorAs(t, err, new(*TooFarError))
			n, err := c.Tick()
			require.NoError(t, err)
			require.Equal(t, uint64(1), n)
		},
		"the last tick wrapped": func(t *testing.T) {
			var c Clock
			n, err := c.ForceWitness(MaxTime - 1)
			require.NoError(t, err)
			require.Equal(t, MaxTime, n)
			_, err = c.Tick()
			require.ErrorIs(t, err, ErrExhausted)
			require.Equal(t, MaxTime, c.Time())
		},
		"an old number was refused, since its distance wrapped": func(t *testing.T) {
			var c Clock
			_, err := c.WitnessWithin(1_000, 1_000)
			require.NoError(t, err)
			for _, old := range []uint64{0, 1, 1_000} {
				_, err = c.WitnessWithin(old, 0)
				require.NoError(t, err)
			}
		},
		"an equal number was not moved above": func(t *testing.T) {
			var c Clock
			own, err := c.Tick()
			require.NoError(t, err)
			n, err := c.Witness(own)
			require.NoError(t, err)
			require.Greater(t, n, own)
		},
		"the receipt was no event: its number was the message's": func(t *testing.T) {
			var c Clock
			n, err := c.Witness(41)
			require.NoError(t, err)
			require.Equal(t, uint64(42), n)
		},
		"a merge changed the vector that had been sent": func(t *testing.T) {
			sent := vector(t, "3@a")
			other := vector(t, "1@a,2@b")
			_, err := other.Merge(sent)
			require.NoError(t, err)
			_, err = sent.Witness("c", other)
			require.NoError(t, err)
			require.Equal(t, "3@a", sent.String())
			require.Equal(t, "1@a,2@b", other.String())
		},
		"JSON lost what was not exported": func(t *testing.T) {
			type message struct {
				At   Stamp
				Seen Vector
			}
			in := message{At: Stamp{Time: 17, Process: "a"}, Seen: vector(t, "3@a,5@b")}
			text, err := json.Marshal(in)
			require.NoError(t, err)
			var out message
			require.NoError(t, json.Unmarshal(text, &out))
			require.Equal(t, in, out)
		},
	} {
		t.Run(name, answer)
	}
}
