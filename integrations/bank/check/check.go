package check

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/internal/history"
)

// Problem is a proof that the bank was wrong.
type Problem struct {
	Kind string // of the check that found it
	Why  string
}

func (p Problem) String() string { return p.Kind + ": " + p.Why }

// Report is what the checks say.
type Report struct {
	Problems   []Problem
	Undecided  []string // accounts whose linearizability took too long to judge
	Missing    []string // evidence: without it the checks have nothing to find anything in
	Operations int      // that were judged
}

// limit is how many problems of a kind are reported.
const limit = 5

// How long linearizability may take to judge: for a history that is wrong, as others have found, it can be very long.
const (
	patience = 30 * time.Second
	enough   = 2 * time.Second
)

// Run judges a record.
func Run(r Record) Report {
	var report Report
	report.Missing = missing(r)
	report.add(totals(r))
	report.add(same(r))
	report.add(kept(r))
	happened := placed(r)
	writers := writers(r, happened)
	report.Operations = len(writers) + len(r.Snapshots) + len(r.Again)
	report.add(anomalies(history.All(slices.Concat(writers, readers(r.Snapshots)))))
	report.add(anomalies(history.Snapshots(slices.Concat(writers, readers(r.Again))))) // of the past: the others do not judge them
	limit := patience
	if len(report.Problems) > 0 {
		limit = enough
	}
	problems, undecided := linearizable(r, happened, limit)
	report.add(problems)
	report.Undecided = undecided
	return report
}

func (r *Report) add(problems []Problem) {
	r.Problems = append(r.Problems, problems[:min(len(problems), limit)]...)
}

func anomalies(found []history.Anomaly) (problems []Problem) {
	for _, a := range found {
		kind, why, _ := strings.Cut(a.String(), ": ")
		problems = append(problems, Problem{kind, why})
	}
	return problems
}

// missing says what the clients have not seen at all.
func missing(r Record) (what []string) {
	if !slices.ContainsFunc(r.Transfers, func(t Transfer) bool { return t.Client >= 0 && t.State == Committed }) {
		what = append(what, "no client's transaction was committed")
	}
	if !slices.ContainsFunc(r.Snapshots, func(s Snapshot) bool { return s.Client >= 0 }) {
		what = append(what, "no client got a snapshot")
	}
	if len(r.Again) == 0 {
		what = append(what, "no snapshot was read twice")
	}
	return what
}

// totals: money is moved, and never made or lost.
func totals(r Record) (problems []Problem) {
	for _, list := range [][]Snapshot{r.Snapshots, r.Again} {
		for _, s := range list {
			total := int64(0)
			for _, e := range s.Entries {
				total += e.Balance
			}
			if total != r.Total || len(s.Entries) != r.Accounts {
				problems = append(problems, Problem{"total", fmt.Sprintf("at %v it is %d on %d accounts, instead of %d on %d", s.TS, total, len(s.Entries), r.Total, r.Accounts)})
			}
		}
	}
	return problems
}

// same: a snapshot gives the same answer whenever it is read.
func same(r Record) (problems []Problem) {
	first := map[hlc.Timestamp]Snapshot{}
	for _, list := range [][]Snapshot{r.Snapshots, r.Again} {
		for _, s := range list {
			before, ok := first[s.TS]
			if !ok {
				first[s.TS] = s
				continue
			}
			for account, e := range before.Entries {
				if s.Entries[account] != e {
					problems = append(problems, Problem{"same snapshot", fmt.Sprintf("at %v account %d has %+v, read at %v, and %+v, read at %v",
						s.TS, account, e, before.Returned, s.Entries[account], s.Returned)})
				}
			}
		}
	}
	return problems
}

// writers are the transactions as package history wants them. A version of an account is the number of its transaction.
func writers(r Record, happened map[int64]hlc.Timestamp) (ops []history.Op) {
	for _, t := range r.Transfers {
		op := history.Op{Client: t.Client, Invoked: t.Invoked, Returned: t.Returned, TS: t.TS, Writes: map[string]int64{}, Reads: map[string]int64{}}
		switch t.State {
		case Aborted:
			continue
		case Unknown:
			ts, ok := happened[t.Tx]
			if !ok {
				continue
			}
			op.Returned, op.TS = -1, ts
		}
		for account := range t.Amounts {
			op.Writes[key(account)] = t.Tx
		}
		for account, e := range t.Before {
			op.Reads[key(account)] = e.Tx
		}
		ops = append(ops, op)
	}
	return ops
}

func readers(list []Snapshot) (ops []history.Op) {
	for _, s := range list {
		op := history.Op{Client: s.Client, Invoked: s.Invoked, Returned: s.Returned, TS: s.TS, Reads: map[string]int64{}}
		for account, e := range s.Entries {
			op.Reads[key(account)] = e.Tx
		}
		ops = append(ops, op)
	}
	return ops
}

func key(account int) string { return strconv.Itoa(account) }

// placed are the transactions that the shards have kept, and where.
func placed(r Record) map[int64]hlc.Timestamp {
	at := map[int64]hlc.Timestamp{}
	for versions := range maps.Values(r.Kept) {
		for _, v := range versions {
			at[v.Entry.Tx] = v.TS
		}
	}
	return at
}
