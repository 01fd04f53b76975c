package hlc

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A model checker: breadth first through every world of a few nodes, a few ticks and a few messages, over the
// step function of the real clock. Messages are lost (never received), duplicated (received and kept)
// and reordered (a set). True time begins at 1; a physical clock may show any moment from true time to eps later, so
// that two clocks differ by eps at most.

// stepFunc is what a clock does: the timestamp of an event, given the last one, physical time and, for a receipt,
// the message's (else the zero one). The Clock's is rules.follow.
type stepFunc func(last Timestamp, pt int64, remote Timestamp) Timestamp

// tiny is a Timestamp of such a world: worlds are keys of a map.
type tiny struct{ wall, logical int8 }

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
// showed at its last event.
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

// limits of the worlds that are visited.
type limits struct {
	nodes, ticks, eps, events int
	// rising: between two events of a node its physical clock advances, as the paper assumes.
	rising bool
	// What is checked besides causality, where it is promised:
	lead    bool   // wall time − pt ≤ eps
	logical int    // the highest logical part; −1: any
	fits    Layout // everything issued packs
}

// move is a step from one world to the next.
type move struct {
	to   tinyWorld
	what string
	err  string // what is broken by it
}

func (l limits) moves(w tinyWorld, step stepFunc) (all []move) {
	if int(w.now) < l.ticks {
		next := w
		next.now++
		all = append(all, move{to: next, what: "a tick"})
	}
	if int(w.events) == l.events {
		return all
	}
	for i := range l.nodes {
		for pt := w.now; pt <= w.now+int8(l.eps); pt++ {
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
	what := fmt.Sprintf("node %d at pt %d", i, pt)
	switch {
	case m >= 0:
		received = w.messages[m]
		what += fmt.Sprintf(" receives %v", received.ts)
		if !keep {
			w.messages[m] = message{}
		}
	case keep:
		what += " sends"
	}
	ts := step(n.last.full(), int64(pt), received.ts.full())
	now := small(ts)
	cause := higher(n.past, received.past)
	broken := ""
	switch {
	case now.compare(n.last) <= 0:
		broken = fmt.Sprintf("%v is not above the node's last, %v", ts, n.last)
	case m >= 0 && now.compare(received.ts) <= 0:
		broken = fmt.Sprintf("%v is not above the message", ts)
	case now.compare(cause) <= 0:
		broken = fmt.Sprintf("%v is not above its cause %v", ts, cause)
	case l.lead && now.wall-pt > int8(l.eps):
		broken = fmt.Sprintf("%v is more than eps ahead", ts)
	case l.logical >= 0 && int(now.logical) > l.logical:
		broken = fmt.Sprintf("%v: logical part above %d", ts, l.logical)
	case l.fits != (Layout{}) && !l.fits.Fits(ts):
		broken = fmt.Sprintf("%v does not pack", ts)
	}
	n.last, n.past, n.pt = now, higher(cause, now), pt
	if m < 0 && keep {
		w.messages[0] = message{now, n.past, int8(i)}
	}
	if !l.rising {
		n.pt = 0 // it does not matter then
	}
	slices.SortFunc(w.messages[:], func(a, b message) int {
		return cmp.Or(a.ts.compare(b.ts), a.past.compare(b.past), cmp.Compare(a.from, b.from))
	})
	w.events++
	return move{to: w, what: fmt.Sprintf("%s: %v", what, ts), err: broken}
}

// check visits every world, and returns how many there are and the shortest way to a broken one.
func (l limits) check(step stepFunc) (states int, counterexample string) {
	type origin struct {
		from tinyWorld
		what string
	}
	start := tinyWorld{now: 1}
	seen := map[tinyWorld]origin{start: {}}
	for frontier := []tinyWorld{start}; len(frontier) > 0; {
		var next []tinyWorld
		for _, w := range frontier {
			for _, m := range l.moves(w, step) {
				if m.err != "" {
					story := []string{m.what, m.err}
					for at := w; at != start; at = seen[at].from {
						story = append([]string{seen[at].what}, story...)
					}
					return len(seen), strings.Join(story, "\n")
				}
				if _, known := seen[m.to]; !known {
					seen[m.to] = origin{w, m.what}
					next = append(next, m.to)
				}
			}
		}
		frontier = next
	}
	return len(seen), ""
}
