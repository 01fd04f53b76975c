package sim

import (
	"slices"
	"time"
)

// datagram is something that arrives at the machine.
type datagram struct {
	at    time.Duration
	bytes []byte
}

// traffic counts what happened between the machine and one server.
type traffic struct {
	sent []time.Duration

	lost, duplicated, replayed, held, rerouted       int
	lied, stepped, kissed, unsynchronized, reordered int
}

func (t *traffic) count(fired map[string]int) {
	for name, n := range map[string]int{
		"loss": t.lost, "duplicate": t.duplicated, "replay": t.replayed, "hold-back": t.held, "route change": t.rerouted,
		"step": t.stepped, "kiss": t.kissed, "restart": t.unsynchronized, "reordering": t.reordered,
	} {
		fired[name] += n
	}
}

// ask sends a request to a server and returns what comes back, in order of
// arrival: nothing, the reply, it twice, two replies, the one before once more.
func (w *World) ask(i int, request []byte, sent time.Duration) []datagram {
	n := w.nodes[i]
	n.traffic.sent = append(n.traffic.sent, sent)
	if n.onWire != nil {
		n.onWire()
	}
	var inbox []datagram
	if n.replays() {
		inbox = append(inbox, datagram{sent + n.Path.Forward.Min, n.last})
	}
	for range n.copies() {
		inbox = append(inbox, w.carry(n, request, sent)...)
	}
	slices.SortStableFunc(inbox, func(a, b datagram) int { return int(a.at - b.at) })
	return inbox
}

// carry takes one copy of a request to the server and its reply back.
func (w *World) carry(n *node, request []byte, sent time.Duration) (arrivals []datagram) {
	way, wayBack, changes := n.Path.at(sent)
	held, heldBack := n.Path.held(sent)
	forward := way.draw(n.random, n.Path.Tail, n.Path.TailFactor) + held
	back := wayBack.draw(n.random, n.Path.Tail, n.Path.TailFactor) + heldBack
	if changes > 0 {
		n.traffic.rerouted++
	}
	if held+heldBack > 0 {
		n.traffic.held++
	}
	said := n.answer(asked{at: sent + forward, forward: forward, back: back, server: &n.Server}, n.random, &n.traffic)
	bytes := said.write(request, n.Rounding, w.start)
	n.last = bytes
	leaves := sent + forward + n.Hold
	for k := range n.copies() {
		if k > 0 {
			back = wayBack.draw(n.random, n.Path.Tail, n.Path.TailFactor) + heldBack
		}
		arrivals = append(arrivals, datagram{w.counter.awake(leaves + back), bytes})
	}
	return arrivals
}

// copies is how many of one packet arrive: 0, 1 or 2. It always draws two numbers.
func (n *node) copies() int {
	lost, twice := n.random.Float64() < n.Path.Loss, n.random.Float64() < n.Path.Duplicate
	switch {
	case lost:
		n.traffic.lost++
		return 0
	case twice:
		n.traffic.duplicated++
		return 2
	}
	return 1
}

func (n *node) replays() bool {
	if n.random.Float64() >= n.Path.Replay || n.last == nil {
		return false
	}
	n.traffic.replayed++
	return true
}
