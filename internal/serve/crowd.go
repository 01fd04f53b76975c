package serve

import (
	"container/list"
	"net"
	"net/http"
	"sync"
)

// crowd limits how many connections are open. The newest one is always let in, at the price of the one that has been without a
// request for longest: who opens thousands and asks nothing, or asks byte by byte, locks nobody out. Only while all are being
// answered is a new one turned away.
type crowd struct {
	most int

	mu      sync.Mutex
	waiting *list.List                 // connections without a whole request, the longest first
	places  map[net.Conn]*list.Element // of all that are open; nil: it is being answered
}

func newCrowd(most int) *crowd {
	return &crowd{most: most, waiting: list.New(), places: map[net.Conn]*list.Element{}}
}

// changed is for http.Server.ConnState. A connection is new, or idle, until a whole header has been read.
func (c *crowd) changed(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	place, open := c.places[conn]
	if !open && state != http.StateNew {
		return // it was closed here
	}
	if place != nil {
		c.waiting.Remove(place)
	}
	switch state {
	case http.StateActive:
		c.places[conn] = nil
	case http.StateNew, http.StateIdle:
		if c.places[conn] = c.waiting.PushBack(conn); len(c.places) > c.most {
			c.turnAway()
		}
	default:
		delete(c.places, conn)
	}
}

// turnAway closes the connection that has waited longest. The caller holds the mutex, and there is one.
func (c *crowd) turnAway() {
	conn := c.waiting.Remove(c.waiting.Front()).(net.Conn)
	delete(c.places, conn)
	_ = conn.Close()
}

// disperse closes all that wait, and whatever comes to wait from now on: at the end there is nothing to wait for.
func (c *crowd) disperse() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.most = 0
	for c.waiting.Len() > 0 {
		c.turnAway()
	}
}
