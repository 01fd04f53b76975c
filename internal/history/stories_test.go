package history

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
)

// did returns an Op of a client between two moments, at a timestamp, that reads or writes as in "r x=1, w y=2". An end of −1 is an unknown outcome.
func did(client int, from, to time.Duration, ts int64, what string) Op {
	op := Op{Client: client, Invoked: from, Returned: to, TS: hlc.Timestamp{WallTime: ts}, Reads: map[string]int64{}, Writes: map[string]int64{}}
	for part := range strings.SplitSeq(what, ", ") {
		verb, pair, _ := strings.Cut(part, " ")
		key, text, _ := strings.Cut(pair, "=")
		value, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			panic(err)
		}
		if verb == "r" {
			op.Reads[key] = value
		} else {
			op.Writes[key] = value
		}
	}
	return op
}

// TestStories: small histories that everybody can judge.
func TestStories(t *testing.T) {
	for _, story := range []struct {
		what string
		ops  []Op
		want []string // kinds that All finds
	}{
		{"nobody did anything", nil, nil},
		{"a writer, and a reader that began after it and is above it", []Op{
			did(1, 0, 10, 5, "w x=1"), did(2, 20, 30, 25, "r x=1")}, nil},
		{"two that ran at once may have their timestamps in any order, or equal", []Op{
			did(1, 0, 20, 9, "w x=1"), did(2, 10, 30, 8, "w y=2"), did(3, 15, 35, 9, "w z=3")}, nil},
		{"who begins at the nanosecond at which another returns runs at once with it", []Op{
			did(1, 0, 10, 9, "w x=1"), did(2, 10, 20, 8, "w y=2")}, nil},
		{"one nanosecond later the order counts", []Op{
			did(1, 0, 10, 9, "w x=1"), did(2, 11, 20, 8, "w y=2")}, []string{"real time"}},
		{"the highest that was known counts, and not the last", []Op{
			did(1, 0, 31, 30, "w x=1"), did(2, 0, 35, 20, "w y=2"), did(3, 40, 50, 25, "w z=3")}, []string{"real time"}},
		{"a timestamp of something that, for all one can see, never happened", []Op{
			did(1, 0, 10, 9, "w x=1"), did(2, 11, -1, 5, "w y=2")}, nil},
		{"for two writers equal is not enough", []Op{
			did(1, 0, 10, 9, "w x=1"), did(2, 11, 20, 9, "w y=2")}, []string{"real time"}},
		{"for a snapshot it is", []Op{
			did(1, 0, 10, 9, "w x=1"), did(2, 11, 20, 9, "r x=1")}, nil},
		{"stale read: a snapshot below what was acknowledged, and right for its timestamp", []Op{
			did(1, 0, 10, 9, "w x=1"), did(2, 11, 20, 8, "r x=0")}, []string{"real time", "stale read"}},
		{"stale read without a timestamp", []Op{
			did(1, 0, 10, 9, "w x=1"), did(2, 11, 20, 0, "r x=0")}, []string{"stale read"}},
		{"stale read of a transaction that writes something else", []Op{
			did(1, 0, 10, 9, "w x=1"), did(2, 11, 20, 15, "r x=0, w y=2")}, []string{"stale read"}},
		{"it began when the writer returned, so it may be too early for it", []Op{
			did(1, 0, 10, 9, "w x=1"), did(2, 10, 20, 0, "r x=0")}, nil},
		{"the snapshot of another key, too, could have missed something", []Op{
			did(1, 0, 10, 9, "w x=1"), did(2, 11, 20, 8, "r y=0")}, []string{"real time"}},
		{"seen is known: the writer has not returned, but a read that showed it has", []Op{
			did(1, 0, 50, 9, "w x=1"), did(2, 5, 10, 12, "r x=1"), did(3, 11, 20, 8, "r x=0")}, []string{"real time", "stale read"}},
		{"and its outcome may be unknown for ever", []Op{
			did(1, 0, -1, 9, "w x=1"), did(2, 5, 10, 12, "r x=1"), did(3, 11, 20, 8, "w y=2")}, []string{"real time"}},
		{"two snapshots may be in either order", []Op{
			did(1, 0, 10, 30, "r x=0"), did(2, 11, 20, 15, "r x=0")}, nil},
		{"a snapshot was read at 30, and then something was written at 25: the first reader is wrong now, and anybody who reads at 30 again sees more", []Op{
			did(1, 0, 10, 30, "r x=0"), did(2, 11, 28, 25, "w x=1"), did(1, 30, 40, 30, "r x=1")}, []string{"real time", "snapshots"}},
		{"at 30 is not above 30", []Op{
			did(1, 0, 10, 30, "r x=0"), did(2, 11, 40, 30, "w x=1")}, []string{"real time", "snapshots"}},
		{"what another shard writes there does not change the snapshot", []Op{
			did(1, 0, 10, 30, "r x=0"), did(2, 11, 28, 25, "w y=1")}, nil},

		{"causal reverse: the second comment is there and the first, which it answers, is not; the clocks gave them the wrong order", []Op{
			did(1, 0, 10, 100, "w first=1"), did(2, 20, 30, 90, "w second=2"), did(3, 25, 40, 95, "r first=0, r second=2")},
			[]string{"real time", "stale read", "causal reverse"}},
		{"without a timestamp of the reader it is the same, and if it began before the first was known it was not stale", []Op{
			did(1, 0, 10, 9, "w first=1"), did(2, 20, 30, 29, "w second=2"), did(3, 5, 40, 0, "r first=0, r second=2")},
			[]string{"causal reverse"}},
		{"a later version of the first will do", []Op{
			did(1, 0, 10, 9, "w first=1"), did(2, 20, 30, 29, "w second=2"), did(4, 20, 25, 22, "w first=3"), did(3, 25, 40, 31, "r first=3, r second=2")},
			nil},
		{"the next version had not returned, but the one after it had", []Op{
			did(1, 0, 100, 5, "w first=1"), did(2, 0, 10, 6, "w first=2"), did(3, 20, 30, 29, "w second=3"), did(4, 5, 40, 0, "r first=0, r second=3")},
			[]string{"causal reverse"}},
		{"it sees one that ran at once with the first, too", []Op{
			did(1, 0, 10, 9, "w first=1"), did(2, 20, 30, 29, "w second=2"), did(2, 5, 15, 7, "w third=3"), did(3, 5, 40, 0, "r first=0, r second=2, r third=3")},
			[]string{"causal reverse"}},
		{"if they ran at once it is no matter who is seen first", []Op{
			did(1, 0, 20, 100, "w first=1"), did(2, 20, 30, 90, "w second=2"), did(3, 20, 40, 95, "r first=0, r second=2")}, nil},
		{"causal reverse by a witness: the first had not returned, but somebody had seen it before the second began", []Op{
			did(1, 0, -1, 9, "w first=1"), did(4, 5, 15, 10, "r first=1"), did(2, 20, 30, 29, "w second=2"), did(3, 5, 40, 0, "r first=0, r second=2")},
			[]string{"causal reverse"}},

		{"long fork: one has seen only x, the other only y", []Op{
			did(1, 0, 50, 10, "w x=1"), did(2, 0, 50, 11, "w y=2"), did(3, 10, 20, 0, "r x=1, r y=0"), did(4, 10, 20, 0, "r x=0, r y=2")},
			[]string{"long fork"}},
		{"the same among older versions", []Op{
			did(1, 0, 5, 1, "w x=1, w y=1"), did(1, 6, 50, 10, "w x=2"), did(2, 6, 50, 11, "w y=3"),
			did(3, 10, 20, 0, "r x=2, r y=1"), did(4, 10, 20, 0, "r x=1, r y=3")}, []string{"long fork"}},
		{"one after the other is no fork", []Op{
			did(1, 0, 50, 10, "w x=1"), did(2, 0, 50, 11, "w y=2"), did(3, 10, 20, 0, "r x=1, r y=0"), did(4, 10, 20, 0, "r x=1, r y=2"), did(5, 10, 20, 0, "r x=1, r y=0")}, nil},
		{"it is no matter who of those with the same x has read last", []Op{
			did(1, 0, 50, 1, "w x=1"), did(2, 0, 50, 2, "w x=2"), did(1, 0, 50, 11, "w y=3"), did(2, 0, 50, 12, "w y=4"), did(3, 0, 50, 13, "w y=5"),
			did(6, 0, 50, 0, "r x=1, r y=5"), did(7, 0, 50, 0, "r x=1, r y=3"), did(8, 0, 50, 0, "r x=2, r y=4"), did(9, 0, 50, 0, "r x=1, r y=4")},
			[]string{"long fork"}},
		{"nor is one key", []Op{
			did(1, 0, 50, 10, "w x=1"), did(3, 10, 20, 0, "r x=1"), did(4, 10, 20, 0, "r x=0")}, nil},

		{"a client reads x and later no longer does", []Op{
			did(1, 0, 50, 10, "w x=1"), did(2, 10, 20, 0, "r x=1"), did(2, 21, 30, 0, "r x=0")}, []string{"stale read", "monotonic"}},
		{"another client no longer does", []Op{
			did(1, 0, 50, 10, "w x=1"), did(2, 10, 20, 0, "r x=1"), did(3, 21, 30, 0, "r x=0")}, []string{"stale read"}},
		{"a client does not read what it wrote", []Op{
			did(1, 0, 50, 10, "w x=1"), did(1, 51, 60, 0, "r x=0")}, []string{"stale read", "monotonic"}},
		{"the newest that it had counts, and not the last", []Op{
			did(1, 0, 50, 1, "w x=1"), did(1, 0, 50, 2, "w x=2"), did(2, 0, 10, 0, "r x=2"), did(2, 0, 11, 0, "r x=1"), did(2, 20, 30, 0, "r x=1")},
			[]string{"stale read", "monotonic"}},
		{"two reads of a client that ran at once have no order", []Op{
			did(1, 0, 50, 10, "w x=1"), did(2, 10, 20, 0, "r x=1"), did(2, 20, 30, 0, "r x=0")}, nil},

		{"torn: half of a transfer", []Op{
			did(1, 0, 10, 9, "w a=10, w b=20"), did(2, 0, 8, 7, "w a=11, w b=21"), did(3, 5, 30, 25, "r a=10, r b=21")}, []string{"snapshots"}},
		{"one timestamp, two answers", []Op{
			did(1, 0, 20, 9, "w x=1"), did(2, 0, 30, 15, "r x=0"), did(3, 0, 30, 15, "r x=1")}, []string{"snapshots"}},
		{"the order of the list is no matter", []Op{
			did(3, 31, 40, 35, "r x=2"), did(2, 20, 30, 25, "w x=2"), did(1, 0, 10, 9, "w x=1"), did(4, 10, 20, 19, "r x=1")}, nil},
		{"a version of the future", []Op{
			did(1, 0, 20, 19, "w x=1"), did(2, 0, 30, 15, "r x=1")}, []string{"snapshots"}},
		{"an unknown outcome that nobody ever sees", []Op{
			did(1, 0, -1, 9, "w x=1"), did(2, 0, 30, 15, "r x=0"), did(3, 40, 50, 45, "r x=0")}, nil},
		{"one that is always seen, however late", []Op{
			did(1, 0, -1, 9, "w x=1"), did(2, 0, 30, 15, "r x=1"), did(3, 40, 50, 45, "r x=1")}, nil},
		{"one that is seen and then gone", []Op{
			did(1, 0, -1, 9, "w x=1"), did(2, 0, 30, 15, "r x=1"), did(3, 20, 50, 45, "r x=0")}, []string{"snapshots"}},
		{"one that is seen late, although a snapshot above it had been served without it", []Op{
			did(1, 0, -1, 9, "w x=1"), did(2, 0, 30, 15, "r x=0"), did(3, 40, 50, 45, "r x=1")}, []string{"snapshots"}},
		{"half of one", []Op{
			did(1, 0, -1, 9, "w x=1, w y=1"), did(2, 0, 30, 15, "r x=1, r y=0")}, []string{"snapshots"}},
		{"a writer that was killed: nobody knows its timestamp, but it is seen from 15 on", []Op{
			did(1, 0, -1, 0, "w x=1, w y=1"), did(2, 0, 30, 14, "r x=0, r y=0"), did(3, 0, 30, 15, "r x=1"), did(4, 0, 30, 16, "r y=1")}, nil},
		{"and then no longer", []Op{
			did(1, 0, -1, 0, "w x=1"), did(3, 0, 30, 15, "r x=1"), did(4, 0, 30, 16, "r x=0")}, []string{"snapshots"}},
		{"half of it", []Op{
			did(1, 0, -1, 0, "w x=1, w y=1"), did(3, 0, 30, 15, "r x=1, r y=0")}, []string{"snapshots"}},
		{"half of it is overwritten", []Op{
			did(1, 0, -1, 0, "w x=1, w y=1"), did(2, 0, 30, 12, "w y=2"), did(3, 0, 30, 15, "r x=1, r y=2"), did(4, 0, 30, 11, "r x=1")}, nil},
		{"half of it is overwritten by what was there before", []Op{
			did(1, 0, -1, 0, "w x=1, w y=1"), did(2, 0, 30, 12, "w y=2"), did(3, 0, 30, 15, "r x=1, r y=2"), did(4, 0, 30, 13, "r x=0, r y=2")}, []string{"snapshots"}},
		{"one saw it instead of version 12, so it is above that; another saw version 5 at 20, so it is below that or above 20", []Op{
			did(1, 0, -1, 0, "w x=1, w y=1"), did(2, 0, 30, 12, "w x=7"), did(3, 0, 30, 5, "w y=2"), did(4, 0, 40, 15, "r x=1"), did(5, 0, 40, 20, "r y=2")},
			[]string{"snapshots"}},
		{"the first who saw it counts", []Op{
			did(1, 0, -1, 0, "w x=1, w y=1"), did(2, 0, 30, 15, "r x=1"), did(3, 0, 30, 25, "r x=1"), did(4, 0, 30, 20, "r y=0")}, []string{"snapshots"}},
		{"what hid half of it may have no timestamp either", []Op{
			did(1, 0, -1, 0, "w x=1, w y=1"), did(2, 0, -1, 0, "w y=2"), did(3, 0, 30, 15, "r x=1, r y=2")}, nil},
		{"it has come between a version and its reader", []Op{
			did(1, 0, 30, 7, "w x=7"), did(2, 0, 30, 8, "w x=8"), did(3, 0, 30, 7, "r x=7"), did(4, 0, 30, 9, "r x=9"), did(5, 0, -1, 0, "w x=9")}, nil},
		{"two versions at one timestamp: whichever the store kept, the other was acknowledged too", []Op{
			did(1, 0, 20, 9, "w x=1"), did(2, 0, 20, 9, "w x=2"), did(3, 30, 40, 35, "r x=2")}, []string{"snapshots"}},
		{"two keys at one timestamp are two writers that ran at once", []Op{
			did(1, 0, 20, 9, "w x=1"), did(2, 0, 20, 9, "w y=2"), did(3, 30, 40, 35, "r x=1, r y=2")}, nil},

		{"dirty read: what was seen was aborted, so it is not in the history", []Op{
			did(1, 0, 10, 0, "r x=1")}, []string{"impossible"}},
		{"read before it was written", []Op{
			did(1, 0, 10, 0, "r x=1"), did(2, 20, 30, 25, "w x=1")}, []string{"impossible"}},
		{"a broken observer: an answer before the question", []Op{did(1, 10, 5, 0, "r x=0")}, []string{"impossible"}},
		{"a broken observer of a writer", []Op{did(1, 10, 5, 9, "w x=1")}, []string{"impossible"}},
		{"what was read by one of unknown outcome, its client never had", []Op{did(1, 0, -1, 0, "r x=7")}, nil},
		{"a broken test: the same value twice", []Op{did(1, 0, 10, 5, "w x=1"), did(1, 20, 30, 25, "w x=1")}, []string{"impossible"}},
		{"a broken test: 0 means nothing", []Op{did(1, 0, 10, 5, "w x=0")}, []string{"impossible"}},
		{"a broken test: it returned and does not say where", []Op{did(1, 0, 10, 0, "w x=1")}, []string{"impossible"}},

		{"not asked: a lost update", []Op{
			did(1, 0, 20, 8, "r x=0, w x=1"), did(2, 0, 20, 9, "r x=0, w x=2")}, nil},
		{"not asked: write skew", []Op{
			did(1, 0, 20, 8, "r x=0, r y=0, w x=1"), did(2, 0, 20, 9, "r x=0, r y=0, w y=2")}, nil},
		{"a transaction reads what it wrote itself", []Op{did(1, 0, 20, 8, "r x=1, w x=1")}, nil},
		{"it is in no fork by that", []Op{
			did(1, 0, 50, 2, "w y=1"), did(2, 0, 50, 8, "r x=3, r y=0, w x=3"), did(3, 10, 20, 0, "r x=0, r y=1")}, nil},
		{"a read that asked for the past must be left out of what judges the present", []Op{
			did(1, 0, 10, 9, "w x=1"), did(1, 20, 30, 5, "r x=0")}, []string{"real time", "stale read", "monotonic"}},
	} {
		t.Run(story.what, func(t *testing.T) {
			require.Equal(t, story.want, kinds(All(story.ops)))
			agree(t, story.ops, story.what)
		})
	}
}

// TestAnomaly_TellsItsStory: what a failing test prints.
func TestAnomaly_TellsItsStory(t *testing.T) {
	found := CausalReverse([]Op{
		did(1, 0, 10*time.Millisecond, 9, "w first=1"),
		did(2, 20*time.Millisecond, -1, 29, "w second=2"),
		did(3, 25*time.Millisecond, 40*time.Millisecond, 0, "r first=0, r second=2"),
	})
	require.Len(t, found, 1)
	require.Equal(t, `causal reverse: T3 sees T2, and of first a version older than that of T1, which was known before T2 began
  T1  client 1  [0s, 10ms]  @0.000000009,0  wrote first=1
  T2  client 2  [20ms, ?]  @0.000000029,0  wrote second=2
  T3  client 3  [25ms, 40ms]  read first=0 second=2`, found[0].String())
}

// TestFunctions_AreTheirKinds: each function finds its kind, and All finds what they find, in the order of the checks.
func TestFunctions_AreTheirKinds(t *testing.T) {
	r := newRand(t)
	for range 100 {
		ops := draw(r, 20)
		for range 3 {
			breakages[r.IntN(len(breakages))].do(r, ops)
		}
		var found []Anomaly
		for i, check := range []func([]Op) []Anomaly{Impossible, RealTime, StaleReads, CausalReverse, LongFork, Monotonic, Snapshots} {
			for _, a := range check(ops) {
				require.Equal(t, checks[i].kind, a.Kind)
				found = append(found, a)
			}
		}
		require.Equal(t, found, All(ops))
	}
}

// TestLimit: a store that is wrong everywhere is told in ten stories of each kind.
func TestLimit(t *testing.T) {
	var ops []Op
	for i := range 100 {
		ops = append(ops, did(1, time.Duration(20*i), time.Duration(20*i+10), int64(1000-i), "r y=7, w x="+strconv.Itoa(i+1)))
	}
	require.Len(t, RealTime(ops), Limit)
	require.Len(t, Impossible(ops), Limit)
}
