package lamport

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// event is one of a random history, with all that is known about it.
type event struct {
	stamp  Stamp
	vector Vector
	causes map[int]bool // the oracle: the events that happened before it
}

// history lets processes tick and pass messages at random; a message may be
// received late, twice or never. What happened before what is kept as sets.
func history(t *rapid.T) (events []event) {
	names := []string{"a", "b", "c", "d"}
	var clocks [4]Clock
	var vectors [4]Vector
	var known [4]map[int]bool
	for p := range known {
		known[p] = map[int]bool{}
	}
	for range rapid.IntRange(1, 60).Draw(t, "events") {
		p := rapid.IntRange(0, len(names)-1).Draw(t, "process")
		var n uint64
		var err, vectorErr error
		if len(events) > 0 && rapid.Bool().Draw(t, "receive") {
			id := rapid.IntRange(0, len(events)-1).Draw(t, "message")
			m := events[id]
			known[p][id] = true
			for cause := range m.causes {
				known[p][cause] = true
			}
			n, err = clocks[p].Witness(m.stamp.Time)
			vectors[p], vectorErr = vectors[p].Witness(names[p], m.vector)
		} else {
			n, err = clocks[p].Tick()
			vectors[p], vectorErr = vectors[p].Tick(names[p])
		}
		require.NoError(t, err)
		require.NoError(t, vectorErr)
		causes := map[int]bool{}
		for id := range known[p] {
			causes[id] = true
		}
		known[p][len(events)] = true
		events = append(events, event{Stamp{n, names[p]}, vectors[p], causes})
	}
	return events
}

// TestClock_CausesComeFirst: e → f implies the lower number, and the order of
// stamps is total.
func TestClock_CausesComeFirst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := history(t)
		for i, e := range events {
			for j, f := range events {
				if f.causes[i] {
					require.Less(t, e.stamp.Time, f.stamp.Time, "%v → %v", e.stamp, f.stamp)
					require.True(t, e.stamp.Before(f.stamp))
				}
				require.Equal(t, i == j, e.stamp.Compare(f.stamp) == 0, "the order is total")
				require.Equal(t, -e.stamp.Compare(f.stamp), f.stamp.Compare(e.stamp))
			}
		}
	})
}

// TestVector_EqualsHappensBefore: a vector says before and after exactly where
// the sets do.
func TestVector_EqualsHappensBefore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := history(t)
		for i, e := range events {
			for j, f := range events {
				want := Concurrent
				switch {
				case i == j:
					want = Equal
				case f.causes[i]:
					want = Before
				case e.causes[j]:
					want = After
				}
				require.Equal(t, want, e.vector.Compare(f.vector), "%v and %v", e.vector, f.vector)
			}
		}
	})
}
