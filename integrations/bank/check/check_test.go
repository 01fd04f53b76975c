package check

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/integrations/bank/wire"
)

func at(ms int) hlc.Timestamp { return hlc.Timestamp{WallTime: 1_790_000_000e9 + int64(ms)*1e6} }

func between(from, to int) (time.Duration, time.Duration) {
	return time.Duration(from) * time.Millisecond, time.Duration(to) * time.Millisecond
}

// right is a short history in which nothing is wrong: two accounts of 100 are opened, transaction 2 moves 10 from 0 to 1 and is
// acknowledged, 3 is aborted, nobody knows of 4, which moves 5 back, and of 5, which did not happen.
func right() Record {
	opened, moved, back := wire.Entry{Balance: 100, Tx: 1}, [2]wire.Entry{{Balance: 90, Tx: 2}, {Balance: 110, Tx: 2}}, [2]wire.Entry{{Balance: 95, Tx: 4}, {Balance: 105, Tx: 4}}
	r := Record{Accounts: 2, Total: 200, Transfers: []Transfer{
		{Client: -1, Tx: 1, Amounts: map[int]int64{0: 100, 1: 100}, State: Committed, TS: at(5)},
		{Client: 0, Tx: 2, Amounts: map[int]int64{0: -10, 1: 10}, State: Committed, TS: at(25), Before: wire.Entries{0: opened, 1: opened}},
		{Client: 1, Tx: 3, Amounts: map[int]int64{0: -1, 1: 1}, State: Aborted},
		{Client: 0, Tx: 4, Amounts: map[int]int64{0: 5, 1: -5}},
		{Client: 1, Tx: 5, Amounts: map[int]int64{0: 7, 1: -7}},
	}}
	r.Transfers[0].Invoked, r.Transfers[0].Returned = between(0, 10)
	r.Transfers[1].Invoked, r.Transfers[1].Returned = between(20, 30)
	r.Transfers[2].Invoked, r.Transfers[2].Returned = between(20, 30)
	r.Transfers[3].Invoked, r.Transfers[3].Returned = between(50, 60)
	r.Transfers[4].Invoked, r.Transfers[4].Returned = between(50, 60)
	for i, entries := range []wire.Entries{{0: opened, 1: opened}, {0: moved[0], 1: moved[1]}, {0: back[0], 1: back[1]}} {
		s := Snapshot{Client: 2, TS: at(15 + 30*i), Entries: entries}
		s.Invoked, s.Returned = between(12+30*i, 18+30*i)
		r.Snapshots = append(r.Snapshots, s)
		s.Invoked, s.Returned = between(100, 101)
		r.Again = append(r.Again, s)
	}
	r.Kept = wire.Versions{
		0: {{TS: at(5), Entry: opened}, {TS: at(25), Entry: moved[0]}, {TS: at(62), Entry: back[0]}},
		1: {{TS: at(5), Entry: opened}, {TS: at(25), Entry: moved[1]}, {TS: at(62), Entry: back[1]}},
	}
	return r
}

// TestRun: each story is what is right, with one thing wrong, and the check that must find it.
func TestRun(t *testing.T) {
	stories := []struct {
		story string
		wrong func(*Record)
		kind  string
	}{
		{"nothing is wrong", func(*Record) {}, ""},
		{"money is made", func(r *Record) {
			r.Snapshots[1].Entries = wire.Entries{0: {Balance: 91, Tx: 2}, 1: {Balance: 110, Tx: 2}}
		}, "total"},
		{"an account is missing", func(r *Record) { r.Snapshots[1].Entries = wire.Entries{0: {Balance: 200, Tx: 2}} }, "total"},
		{"a snapshot is another one later", func(r *Record) { r.Again[0].Entries = r.Snapshots[1].Entries }, "same snapshot"},
		{"what was acknowledged is not kept", func(r *Record) { r.Transfers[1].Tx = 6 }, "kept"},
		{"half of it is not kept", func(r *Record) { r.Kept[1] = r.Kept[1][:1:1] }, "kept"},
		{"half of what nobody knows of is kept", func(r *Record) { r.Kept[1] = r.Kept[1][:2:2] }, "kept"},
		{"it is kept at two timestamps", func(r *Record) { r.Kept[1][2].TS = at(63) }, "kept"},
		{"it is kept at another timestamp than the client was told", func(r *Record) { r.Transfers[1].TS = at(26) }, "kept"},
		{"what was aborted is kept", func(r *Record) { r.Transfers[3].State = Aborted }, "kept"},
		{"what nobody asked for is kept", func(r *Record) { r.Transfers = r.Transfers[:3] }, "kept"},
		{"it put another amount there", func(r *Record) { r.Transfers[3].Amounts = map[int]int64{0: 6, 1: -6} }, "kept"},
		{"it has read what was not below it", func(r *Record) {
			r.Transfers[1].Before = wire.Entries{0: {Balance: 100, Tx: 4}, 1: {Balance: 100, Tx: 1}}
		}, "kept"},
		{"a read after the acknowledgement does not see it", func(r *Record) { r.Snapshots[1].Entries = r.Snapshots[0].Entries }, "linearizable"},
		{"a timestamp is above that of a later transaction", func(r *Record) { r.Transfers[0].TS = at(27) }, "real time"},
		{"a replay up to the timestamp gives something else", func(r *Record) { r.Snapshots[1].TS = at(24) }, "snapshots"},
	}
	for _, s := range stories {
		t.Run(s.story, func(t *testing.T) {
			r := right()
			s.wrong(&r)
			report := Run(r)
			require.Empty(t, report.Undecided)
			require.Empty(t, report.Missing)
			if s.kind == "" {
				require.Empty(t, report.Problems)
				require.Equal(t, 3+3+3, report.Operations)
				return
			}
			var kinds []string
			for _, p := range report.Problems {
				kinds = append(kinds, p.Kind)
				require.NotEmpty(t, p.Why)
			}
			require.Contains(t, kinds, s.kind)
		})
	}
}

// TestRun_NoEvidence: where the clients have seen nothing, nothing wrong can be found, and the report says so. What the driver does before and after them
// does not count.
func TestRun_NoEvidence(t *testing.T) {
	stories := []struct {
		story   string
		without func(*Record)
		missing string
	}{
		{"only the deposits were committed", func(r *Record) {
			for i := range r.Transfers[1:] {
				r.Transfers[1+i].State = Unknown
			}
		}, "no client's transaction was committed"},
		{"only the driver got snapshots", func(r *Record) {
			for i := range r.Snapshots {
				r.Snapshots[i].Client = -2
			}
		}, "no client got a snapshot"},
		{"each snapshot was read once", func(r *Record) { r.Again = nil }, "no snapshot was read twice"},
	}
	for _, s := range stories {
		t.Run(s.story, func(t *testing.T) {
			r := right()
			s.without(&r)
			report := Run(r)
			require.Empty(t, report.Problems)
			require.Equal(t, []string{s.missing}, report.Missing)
		})
	}
	require.Len(t, Run(Record{Accounts: 16, Total: 16000, Missed: 9}).Missing, len(stories))
}
