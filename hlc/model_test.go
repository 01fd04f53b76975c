package hlc

import (
	"cmp"
	"flag"
	"fmt"
	"slices"
	"strings"
)

// A model checker: breadth first through every world of a few nodes, a few ticks and a few messages, over a
// real Clock. Messages are lost (never received), duplicated (received and kept)
// and reordered (a set). True time begins at 1; a physical clock may show any moment from true time to eps later, so
// that two clocks differ by eps at most. It may stand still, and go back within that.

var worldsFlag = flag.String("hlc.worlds", "small", "small, or big: worlds of the model checker with one more tick and one more event, six times as many")

// stepFunc is what a clock does: the timestamp of an event, given the last one, physical time and, for a receipt,
// the message's (else the zero one). A receipt that is refused gives the zero one.
type stepFunc func(last Timestamp, pt int64, remote Timestamp) Timestamp

// tiny is a Timestamp of such a world: worlds are keys of a map.
type tiny struct{ wall, logical int8 }

func (t tiny) String() string { return fmt.Sprintf("(%d, %d)", t.wall, t.logical) }

func (t tiny) full() Timestamp { return Timestamp{int64(t.wall), uint32(t.logical)} }

func small(ts Timestamp) tiny {
	if ts.WallTime < 0 || ts.WallTime > 127 || ts.Logical > 127 {
		return tiny{-1, -1} // below everything: the checks will say so
	}
	return tiny{int8(ts.WallTime), int8(ts.Logical)}
}

func (t tiny) compare(o tiny) int {
	return cmp.Or(cmp.Compare(t.wall, o.wall), cmp.Compare(t.logical, o.logical))
}

func higher(a, b tiny) tiny {
	if a.compare(b) < 0 {
		return b
	}
	return a
}

const mostNodes, mostMessages = 3, 2

// nodeState is a node: its last timestamp, the highest timestamp of all events that can have influenced it, and what its physical clock
// showed at its last event. (An event that is above the highest of its causes is above each of them, so that the set of them need
// not be kept.)
type nodeState struct {
	last, past tiny
	pt         int8
}

// message is on its way, with the same knowledge, to all but its sender.
type message struct {
	ts, past tiny
	from     int8
}

// tinyWorld is one state.
type tinyWorld struct {
	now      int8 // true time
	events   int8
	nodes    [mostNodes]nodeState
	messages [mostMessages]message // sorted; zero: none
}

// limits of the worlds that are visited, and what is promised in them besides the order of causes.
type limits struct {
	nodes, ticks, eps, events int
	// rising: between two events of a node its physical clock advances, as the paper assumes.
	rising bool
	// fast: node 0's clock is broken, and shows up to so much more. What is promised is not promised to it.
	fast int

	lead      int    // the highest wall time − pt; anything: not limited
	logical   int    // the highest logical part; anything: not limited
	fits      Layout // if set: everything issued packs
	believed  bool   // no message of a node whose clock is right is refused
	unordered bool   // the order of causes is not looked at
}

const anything = -1

// deeper are the limits that -hlc.worlds asks for.
func (l limits) deeper(worlds string) limits {
	if worlds == "big" {
		l.ticks++
		l.events++
	}
	return l
}

// shows is the range of node i's physical clock.
func (l limits) shows(i int, now int8) (from, to int8) {
	to = now + int8(l.eps)
	if i == 0 {
		to += int8(l.fast)
	}
	return now, to
}

// move is a step from one world to the next.
type move struct {
	action
	to  tinyWorld
	err string // what is broken by it
}

// action is what happens in a move.
type action struct {
	tick     int8 // true time from now on; else 0, and it is an event
	node, pt int8
	received tiny // 0: none
	sends    bool
	ts       tiny // 0: refused
}

func (a action) String() string {
	switch what := fmt.Sprintf("node %d at pt %d", a.node, a.pt); {
	case a.tick > 0:
		return fmt.Sprintf("true time is %d", a.tick)
	case a.received != tiny{} && a.ts == tiny{}:
		return fmt.Sprintf("%s refuses %v", what, a.received)
	case a.received != tiny{}:
		return fmt.Sprintf("%s receives %v: %v", what, a.received, a.ts)
	case a.sends:
		return fmt.Sprintf("%s sends: %v", what, a.ts)
	default:
		return fmt.Sprintf("%s: %v", what, a.ts)
	}
}

func (l limits) moves(w tinyWorld, step stepFunc) (all []move) {
	if int(w.now) < l.ticks {
		next := w
		next.now++
		all = append(all, move{to: next, action: action{tick: next.now}})
	}
	if int(w.events) == l.events {
		return all
	}
	for i := range l.nodes {
		from, to := l.shows(i, w.now)
		for pt := from; pt <= to; pt++ {
			if l.rising && pt <= w.nodes[i].pt {
				continue
			}
			all = append(all, l.event(w, i, pt, -1, false, step), l.event(w, i, pt, -1, true, step))
			for m := range w.messages {
				if w.messages[m] != (message{}) && w.messages[m].from != int8(i) {
					all = append(all, l.event(w, i, pt, m, false, step), l.event(w, i, pt, m, true, step))
				}
			}
		}
	}
	return all
}

// event is one of node i: local, or a receipt of message m, after which the message is kept for another time, or a sending if
// it is local and kept. Sending takes the place of the lowest message if there is no other: that one is lost.
func (l limits) event(w tinyWorld, i int, pt int8, m int, keep bool, step stepFunc) move {
	n := &w.nodes[i]
	var received message
	if m >= 0 {
		if received = w.messages[m]; !keep {
			w.messages[m] = message{}
		}
	}
	ts := step(n.last.full(), int64(pt), received.ts.full())
	if m >= 0 && ts.IsZero() {
		w.sort()
		return move{to: w, action: action{node: int8(i), pt: pt, received: received.ts}, err: l.refused(i, received)}
	}
	now, cause := small(ts), higher(n.past, received.past)
	broken := l.broken(i, pt, now, n.last, received.ts, cause)
	n.last, n.past, n.pt = now, higher(cause, now), pt
	if m < 0 && keep {
		w.messages[0] = message{now, n.past, int8(i)}
	}
	if !l.rising {
		n.pt = 0 // it does not matter then
	}
	w.sort()
	w.events++
	return move{to: w, action: action{node: int8(i), pt: pt, received: received.ts, sends: keep, ts: now}, err: broken}
}

// sort makes one world of those that differ in the order of their messages.
func (w *tinyWorld) sort() {
	slices.SortFunc(w.messages[:], func(a, b message) int {
		return cmp.Or(a.ts.compare(b.ts), a.past.compare(b.past), cmp.Compare(a.from, b.from))
	})
}

// broken is the promise that timestamp ts of node i at pt does not keep, or "".
func (l limits) broken(i int, pt int8, ts, last, received, cause tiny) string {
	switch {
	case !l.unordered && ts.compare(last) <= 0:
		return fmt.Sprintf("%v is not above the node's last, %v", ts, last)
	case !l.unordered && ts.compare(received) <= 0:
		return fmt.Sprintf("%v is not above the message", ts)
	case !l.unordered && ts.compare(cause) <= 0:
		return fmt.Sprintf("%v is not above its cause %v", ts, cause)
	case l.right(int8(i)) && l.lead != anything && ts.wall-pt > int8(l.lead):
		return fmt.Sprintf("%v is more than %d ahead of pt %d", ts, l.lead, pt)
	case l.logical != anything && int(ts.logical) > l.logical:
		return fmt.Sprintf("%v: logical part above %d", ts, l.logical)
	case l.fits != (Layout{}) && !l.fits.Fits(ts.full()):
		return fmt.Sprintf("%v does not pack", ts)
	}
	return ""
}

// refused is the same for a refusal of node i.
func (l limits) refused(i int, m message) string {
	if l.believed && l.right(int8(i)) && l.right(m.from) {
		return "an honest message is refused"
	}
	return ""
}

// right is whether a node's clock is.
func (l limits) right(node int8) bool { return node > 0 || l.fast == 0 }

// check visits every world, and returns how many there are and the shortest way to a broken one.
func (l limits) check(step stepFunc) (states int, counterexample string) {
	type origin struct {
		from tinyWorld
		action
	}
	start := tinyWorld{now: 1}
	seen := map[tinyWorld]origin{start: {}}
	for frontier := []tinyWorld{start}; len(frontier) > 0; {
		var next []tinyWorld
		for _, w := range frontier {
			for _, m := range l.moves(w, step) {
				if m.err != "" {
					story := []string{m.action.String(), m.err}
					for at := w; at != start; at = seen[at].from {
						story = append([]string{seen[at].action.String()}, story...)
					}
					return len(seen), strings.Join(story, "\n")
				}
				if _, known := seen[m.to]; !known {
					seen[m.to] = origin{w, m.action}
					next = append(next, m.to)
				}
			}
		}
		frontier = next
	}
	return len(seen), ""
}
