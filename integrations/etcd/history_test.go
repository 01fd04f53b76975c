package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
)

func wrote(value string, call, ret time.Duration, wall int64) op {
	return op{shard: "s", pair: "p", node: "n", write: true, value: value, call: call, ret: ret, Commit: Commit{TS: hlc.Timestamp{WallTime: wall}}}
}

func read(value string, call, ret time.Duration) op {
	return op{shard: "s", pair: "p", node: "n", value: value, call: call, ret: ret}
}

// TestHistory_Stories: what the checks of the program see, and what they let pass.
func TestHistory_Stories(t *testing.T) {
	lost := wrote("b", 3, 4, 20) // its client never heard
	lost.open = true
	for name, row := range map[string]struct {
		ops           []op
		order, linear string // what is wrong
	}{
		"one after the other":                      {ops: []op{wrote("a", 1, 2, 10), wrote("b", 3, 4, 11), read("b", 5, 6)}},
		"side by side in any order":                {ops: []op{wrote("a", 1, 4, 11), wrote("b", 2, 3, 10), read("a", 5, 6)}},
		"the later has the lower timestamp":        {ops: []op{wrote("a", 1, 2, 11), wrote("b", 3, 4, 10)}, order: "is not that of real time"},
		"the later has the same timestamp":         {ops: []op{wrote("a", 1, 2, 10), wrote("b", 3, 4, 10)}, order: "is not that of real time"},
		"a read misses what was acknowledged":      {ops: []op{wrote("a", 1, 2, 10), wrote("b", 3, 4, 11), read("a", 5, 6)}, linear: "misses"},
		"a value is seen and then no more":         {ops: []op{wrote("a", 1, 2, 10), wrote("b", 3, 9, 11), read("b", 4, 5), read("a", 6, 7)}, linear: "not linearizable"},
		"a commit of unknown end is not seen":      {ops: []op{wrote("a", 1, 2, 10), lost, read("a", 5, 6)}},
		"and is seen later":                        {ops: []op{wrote("a", 1, 2, 10), lost, read("a", 5, 6), read("b", 7, 8)}},
		"and may not come above a later one":       {ops: []op{wrote("a", 1, 2, 10), lost, wrote("c", 5, 6, 19)}},
		"but not below one acknowledged before":    {ops: []op{wrote("a", 1, 2, 30), lost}, order: "is not that of real time"},
		"nothing was written, and nothing is read": {ops: []op{read("", 1, 2)}},
	} {
		t.Run(name, func(t *testing.T) {
			says := func(err error, want string) {
				t.Helper()
				if want == "" {
					require.NoError(t, err)
				} else {
					require.ErrorContains(t, err, want)
				}
			}
			says(realTimeOrder(row.ops), row.order)
			says(linearizable(row.ops, time.Minute), row.linear)
		})
	}
}

// TestAcrossOwners_Stories: records of a shard, as (owner, timestamp, revision).
func TestAcrossOwners_Stories(t *testing.T) {
	for name, row := range map[string]struct {
		records [][3]int64
		wrong   string
	}{
		"owners follow one another":               {records: [][3]int64{{1, 10, 100}, {1, 11, 101}, {2, 12, 102}, {3, 13, 103}}},
		"one owner's commits overtake each other": {records: [][3]int64{{1, 10, 101}, {1, 11, 100}, {2, 12, 103}, {2, 13, 102}}},
		"the next owner begins below":             {records: [][3]int64{{1, 10, 100}, {1, 12, 101}, {2, 11, 102}}, wrong: "timestamps fall"},
		"the old owner writes late":               {records: [][3]int64{{1, 10, 100}, {2, 12, 102}, {1, 11, 103}}, wrong: "has written"},
		"an abort by the next owner's time":       {records: [][3]int64{{1, 10, 100}, {0, 11, 103}, {2, 12, 102}}},
	} {
		t.Run(name, func(t *testing.T) {
			var records []owned
			for _, r := range row.records {
				records = append(records, owned{Commit: Commit{hlc.Timestamp{WallTime: r[1]}, r[2]}, owner: r[0], aborted: r[0] == 0})
			}
			err := acrossOwners(records)
			if row.wrong == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, row.wrong)
			}
		})
	}
	require.Equal(t, 1, inversions([]owned{{Commit: Commit{Revision: 2}}, {Commit: Commit{Revision: 1}}, {Commit: Commit{Revision: 3}}}))
}
