package history

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
)

// TestUnknownOutcomes_SeenIsExact: that a writer of unknown outcome happened if anybody has seen it, and only then, loses nothing. Snapshots
// finds something if and only if every choice of who happened contradicts some snapshot.
func TestUnknownOutcomes_SeenIsExact(t *testing.T) {
	r := newRand(t)
	right, wrong := 0, 0
	for range *histories {
		ops := draw(r, 3+r.IntN(12))
		unknown := make([]int, 0, 8)
		for i := range ops {
			if len(ops[i].Writes) > 0 && (r.IntN(3) == 0 || ops[i].Returned < 0) && len(unknown) < 8 {
				ops[i].Returned = -1
				unknown = append(unknown, i)
			}
			if len(ops[i].Writes) > 0 && ops[i].TS.IsZero() {
				ops[i].TS = hlc.Timestamp{WallTime: 1 << 40, Logical: uint32(i)} // not seen, or at a place of its own
			}
		}
		if r.IntN(2) == 0 {
			breakages[r.IntN(5)].do(r, ops)
		}
		for i := range ops {
			if len(ops[i].Writes) > 0 {
				clear(ops[i].Reads) // a transaction that writes is a witness, too; here only snapshots are
			}
		}
		if sameTimestamps(ops) {
			continue
		}
		found := Snapshots(ops)
		require.Equal(t, !someChoiceExplains(ops, unknown), len(found) > 0, "%v\n%s", found, list(ops))
		if len(found) > 0 {
			wrong++
		} else {
			right++
		}
	}
	t.Logf("%d histories that some choice explains, %d that none does", right, wrong)
	require.NotZero(t, right)
	require.NotZero(t, wrong)
}

func sameTimestamps(ops []Op) bool {
	seen := map[hlc.Timestamp]bool{}
	for _, op := range ops {
		if len(op.Writes) == 0 {
			continue
		}
		if seen[op.TS] || op.TS.IsZero() {
			return true
		}
		seen[op.TS] = true
	}
	return false
}

// someChoiceExplains tries all of them.
func someChoiceExplains(ops []Op, unknown []int) bool {
	for choice := range 1 << len(unknown) {
		happened := map[int]bool{}
		for i, op := range ops {
			happened[i] = op.Returned >= 0
		}
		for bit, i := range unknown {
			happened[i] = choice>>bit&1 == 1
		}
		if replayExplains(ops, happened) {
			return true
		}
	}
	return false
}

func replayExplains(ops []Op, happened map[int]bool) bool {
	for _, reader := range ops {
		if len(reader.Writes) > 0 || reader.Returned < 0 || reader.TS.IsZero() {
			continue
		}
		for key, value := range reader.Reads {
			var last hlc.Timestamp
			want := int64(0)
			for i, op := range ops {
				if v, ok := op.Writes[key]; ok && happened[i] && op.TS.After(last) && !op.TS.After(reader.TS) {
					last, want = op.TS, v
				}
			}
			if value != want {
				return false
			}
		}
	}
	return true
}
