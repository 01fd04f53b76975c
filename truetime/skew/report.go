package skew

import (
	"fmt"
	"slices"
	"time"

	"github.com/trueclock/trueclock/truetime"
)

// Report is what the last round said.
type Report struct {
	Rounds  uint64    // how many there were
	At      time.Time // when it ended, with a monotonic part; zero before the first
	Members []Member
	Pairs   [][]Pair // each member against each; nil before the first round
}

// Member is what is held of one node.
type Member struct {
	Name    string
	Verdict Verdict // the standing one
	Round   Verdict // what the last round alone said
	Held    bool    // it is to be evicted, but half of the fleet must not be evicted at once: look at it yourself
	Node    Node    // what it said
	Err     error   // or why it said nothing
}

// conclude takes the answers of a round that began then, and returns what changed.
func (m *Monitor) conclude(began truetime.Reading, nodes []Node, errs []error) []Change {
	pairs, verdicts := Matrix(nodes, m.config.Limit)
	m.judge.round(verdicts)
	m.mutex.Lock()
	defer m.mutex.Unlock()
	members := make([]Member, len(nodes))
	var changes []Change
	for i, before := range m.report.Members {
		s := m.judge.nodes[i]
		members[i] = Member{Name: before.Name, Verdict: s.verdict, Round: verdicts[i], Held: s.held, Node: nodes[i], Err: errs[i]}
		if s.verdict != before.Verdict {
			changes = append(changes, Change{before.Name, before.Verdict, s.verdict, m.why(members[i], pairs[i])})
		}
	}
	m.began = began
	m.report = Report{Rounds: m.report.Rounds + 1, At: time.Now(), Members: members, Pairs: pairs}
	return changes
}

// why says what a verdict rests on.
func (m *Monitor) why(member Member, pairs []Pair) string {
	n := map[State]int{}
	for _, p := range pairs {
		n[p.State]++
	}
	within, all := n[Within]+n[Itself], len(pairs)
	switch {
	case member.Verdict == Healthy:
		return fmt.Sprintf("%d of %d clocks are within %v of it", within, all, m.config.Limit)
	case member.Verdict == Evict:
		return fmt.Sprintf("%d of %d clocks are further than %v from it or disprove it, %d rounds long", n[Over]+n[Disproved], all, m.config.Limit, m.config.EvictAfter)
	case member.Held:
		return fmt.Sprintf("%d of %d clocks are further than %v from it or disprove it, but half of the fleet must not be evicted", n[Over]+n[Disproved], all, m.config.Limit)
	case member.Err != nil:
		return member.Err.Error()
	case member.Round == Evict:
		return fmt.Sprintf("%d of %d clocks are further than %v from it or disprove it, not for long enough yet", n[Over]+n[Disproved], all, m.config.Limit)
	}
	return fmt.Sprintf("only %d of %d clocks are known to be within %v of it, which is no majority", within, all, m.config.Limit)
}

// Report returns what the last round said. It is a copy of the caller's own.
func (m *Monitor) Report() Report {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	r := m.report
	r.Members = slices.Clone(r.Members) // Pairs are made anew by each round and never changed
	return r
}

// Verdict returns the standing verdict on a member, and Unproven for a stranger. Healthy is as old as
// the questions of the last round: it is Unproven if these began longer ago than the next round takes to end, because the
// monitor was stopped, or a question hangs, or the process stood still; and if the machine was suspended since, which the local
// clock tells by a new epoch. A verdict to evict stands until it is taken back.
func (m *Monitor) Verdict(member string) Verdict {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	i := slices.Index(m.config.Members, member)
	switch {
	case i < 0:
		return Unproven
	case m.report.Members[i].Verdict == Healthy && !m.fresh():
		return Unproven
	}
	return m.report.Members[i].Verdict
}

// fresh reports whether the last round is the present one.
func (m *Monitor) fresh() bool {
	now, err := m.config.Local.Read()
	age := time.Duration(now.Late().Nanos - m.began.Early().Nanos)
	return err == nil && now.Epoch == m.began.Epoch && age <= max(m.config.Every, m.config.Timeout)+m.config.Timeout
}
