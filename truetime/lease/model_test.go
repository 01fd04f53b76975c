package lease

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/fencing"
)

// A small world of two nodes, a store, a file, and time that is counted in ticks. The records are made by the package's own rules; what a node
// does with them is written down again here, as short as it can be. Every story of the world is told, the shortest first.
const (
	modelTTL    = 4
	modelε      = 1
	modelEnd    = 5 // the last tick
	modelLate   = 1 // requests under way at most
	modelGrants = 2
)

// small is a record of such a world, in few bytes: the token and the expiry are those above zero.
type small struct{ holder, token, expiry int8 }

const modelZero = 1000

func (r small) record() Record {
	if r == (small{}) {
		return Record{}
	}
	if r.holder == 0 {
		return Record{Token: modelZero + fencing.Token(r.token)}
	}
	return Record{Holder: "12"[r.holder-1 : r.holder], Token: modelZero + fencing.Token(r.token), Expiry: modelZero + int64(r.expiry)}
}

func (r Record) small() small {
	switch {
	case r == Record{}:
		return small{}
	case r.Holder == "":
		return small{token: int8(r.Token - modelZero)}
	}
	return small{holder: int8(r.Holder[0] - '0'), token: int8(r.Token - modelZero), expiry: int8(r.Expiry - modelZero)}
}

var modelFaults = flag.Int("lease.faults", 1, "answers that are lost and requests that are late, in a story of TestModel; 2 takes three times as long")

type modelNode struct {
	holds   bool
	record  small // confirmed
	pending small // a renewal whose answer did not come
	checked int8  // the token of a check that is not written yet: here it may be stopped for as long as it likes; 0: none
}

type request struct{ old, next small }

type modelState struct {
	now     int8
	store   small
	nodes   [2]modelNode
	late    [modelLate]request // in the network; the caller has given up
	highest int8               // token that the file has seen
	lost    bool               // a stale write was accepted
	stale   bool               // one was refused
	grants  int8
	faults  int8
}

// modelRules are what may be broken.
type modelRules struct {
	held, over func(Record, truetime.Interval) bool
	trust      bool // a renewal of unknown outcome counts
	noFence    bool
}

var rightRules = modelRules{held: Record.heldAt, over: Record.overAt}

type model struct {
	t     *testing.T
	rules modelRules
	lean  [2]int64
}

func (m model) clock(s modelState, i int) truetime.Interval {
	middle := modelZero + 2 + int64(s.now) + m.lean[i] // so that no token is zero
	now, err := truetime.NewInterval(middle-modelε, middle+modelε)
	m.must(err)
	return now
}

// must is require.NoError, which costs more than all else here.
func (m model) must(err error) {
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m model) valid(s modelState, i int) bool {
	return s.nodes[i].holds && m.rules.held(s.nodes[i].record.record(), m.clock(s, i))
}

// swap is the store's part.
func swap(store *small, r request) bool {
	if *store == r.old {
		*store = r.next
	}
	return *store == r.next
}

// wrong says what must never be.
func (m model) wrong(s modelState) string {
	switch {
	case m.valid(s, 0) && m.valid(s, 1):
		return "two leases are valid"
	case s.lost:
		return "a stale write was accepted"
	}
	return ""
}

// steps calls next with each state that may follow.
func (m model) steps(s modelState, next func(what string, to modelState)) {
	if s.now < modelEnd {
		to := s
		to.now++
		next("a tick", to)
	}
	for i, r := range s.late {
		if r != (request{}) {
			to := s
			to.late[i] = request{}
			swap(&to.store, r)
			next("a late request arrives", to)
		}
	}
	for i := range s.nodes {
		m.nodeSteps(s, i, func(what string, to modelState) { next("node "+"12"[i:i+1]+" "+what, to) })
	}
}

func (m model) nodeSteps(s modelState, i int, next func(what string, to modelState)) {
	n := s.nodes[i]
	switch {
	case !n.holds && s.grants < modelGrants && m.rules.over(s.store.record(), m.clock(s, i)):
		s.grants++
		r := request{old: s.store}
		bid, err := s.store.record().granted(m.clock(s, i), "12"[i:i+1], 0, modelTTL*time.Nanosecond)
		m.must(err)
		r.next = bid.small()
		granted := s
		granted.nodes[i].holds, granted.nodes[i].record, granted.nodes[i].pending = true, r.next, small{}
		granted.store = r.next
		next("gets the lease", granted)
		m.send(s, r, func(to modelState) { next("asks for the lease, late", to) })
	case n.holds:
		m.holderSteps(s, i, next)
	}
	if token := n.checked; token != 0 {
		to := s
		to.nodes[i].checked = 0
		switch {
		case token >= s.highest:
			to.highest = token
		case m.rules.noFence:
			to.lost = true
		default:
			to.stale = true
		}
		next("writes", to)
	}
}

func (m model) holderSteps(s modelState, i int, next func(what string, to modelState)) {
	n := s.nodes[i]
	gone := s
	gone.nodes[i].holds, gone.nodes[i].record, gone.nodes[i].pending = false, small{}, small{}
	next("drops the lease", gone)
	if m.valid(s, i) {
		to := s
		to.nodes[i].checked = n.record.token
		next("checks", to)
	}
	r := request{n.record, n.pending}
	if n.pending == (small{}) {
		longer, err := n.record.record().renewed(m.clock(s, i), modelTTL*time.Nanosecond)
		m.must(err)
		r.next = longer.small()
	}
	answered := s
	if swap(&answered.store, r) {
		answered.nodes[i].record, answered.nodes[i].pending = r.next, small{}
	} else {
		answered.nodes[i] = gone.nodes[i]
	}
	next("renews", answered)
	waits := s
	waits.nodes[i].pending = r.next
	if m.rules.trust {
		waits.nodes[i].record = r.next
	}
	if lost := waits; int(lost.faults) < *modelFaults {
		lost.faults++
		swap(&lost.store, r)
		next("renews, and the answer is lost", lost)
	}
	m.send(waits, r, func(to modelState) { next("renews, late", to) })
	back, released := gone, n.record.record().released().small()
	if swap(&back.store, request{n.record, released}) || n.pending != (small{}) && swap(&back.store, request{n.pending, released}) {
		next("gives the lease back", back)
	}
}

// send puts a request into the network, if there is room.
func (m model) send(s modelState, r request, next func(modelState)) {
	for i := range s.late {
		if s.late[i] == (request{}) && int(s.faults) < *modelFaults {
			s.late[i] = r
			s.faults++
			next(s)
			return
		}
	}
}

// explore tells every story, breadth first, and returns the shortest one that ends in something wrong; "" if there is none.
func (m model) explore() (story string, worlds int, stale, late bool) {
	type step struct {
		what string
		from modelState
	}
	first := modelState{}
	came, queue := map[modelState]step{first: {}}, []modelState{first}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		if what := m.wrong(s); what != "" {
			lines := []string{what}
			for s != first {
				lines = append(lines, fmt.Sprintf("%d: %s", s.now, came[s].what))
				s = came[s].from
			}
			return strings.Join(lines, "; before that ") + fmt.Sprintf("; clocks lean %v", m.lean), len(came), stale, late
		}
		stale, late = stale || s.stale, late || s.late != [modelLate]request{}
		m.steps(s, func(what string, to modelState) {
			if _, known := came[to]; !known {
				came[to] = step{what, s}
				queue = append(queue, to)
			}
		})
	}
	return "", len(came), stale, late
}

// TestModel_EveryStoryIsRight, for all that the two clocks may be wrong by.
func TestModel_EveryStoryIsRight(t *testing.T) {
	worlds, stale, late := 0, false, false
	step := int64(1)
	if testing.Short() || raced {
		step = 2 * modelε // the corners
	}
	for lean1 := int64(-modelε); lean1 <= modelε; lean1 += step {
		for lean2 := int64(-modelε); lean2 <= modelε; lean2 += step {
			story, n, s, u := model{t, rightRules, [2]int64{lean1, lean2}}.explore()
			require.Empty(t, story)
			worlds, stale, late = worlds+n, stale || s, late || u
		}
	}
	t.Log(worlds, "worlds")
	require.True(t, stale, "a stale write was there to be refused")
	require.True(t, late, "a request was late")
}

// TestModel_BrokenRulesAreFound, each with its shortest story.
func TestModel_BrokenRulesAreFound(t *testing.T) {
	point := truetime.Interval.Midpoint
	for why, rules := range map[string]modelRules{
		"clocks that are points": {
			held: func(r Record, now truetime.Interval) bool { return point(now) < r.Expiry },
			over: func(r Record, now truetime.Interval) bool { return r.Holder == "" || point(now) > r.Expiry },
		},
		"a renewal of unknown outcome counts": {held: Record.heldAt, over: Record.overAt, trust: true},
		"a file that does not compare tokens": {held: Record.heldAt, over: Record.overAt, noFence: true},
	} {
		story, worlds, _, _ := model{t, rules, [2]int64{-modelε, modelε}}.explore()
		require.NotEmpty(t, story, why)
		t.Logf("%s, after %d worlds: %s", why, worlds, story)
	}
}
