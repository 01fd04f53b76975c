package hlchttp

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
)

// history is what an onlooker writes down: each event, its timestamp, and the events
// that led to it directly.
type history struct {
	mutex  sync.Mutex
	stamps []hlc.Timestamp
	causes [][]int
}

// event opens a page for an event whose timestamp may come later.
func (h *history) event(causes ...int) int {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.stamps, h.causes = append(h.stamps, hlc.Timestamp{}), append(h.causes, causes)
	return len(h.stamps) - 1
}

func (h *history) at(event int, ts hlc.Timestamp) int {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.stamps[event] = ts
	return event
}

// violations is the oracle: it walks back from every event to all that could have led to
// it, however far, and compares the timestamps.
func (h *history) violations() (found []string, pairs int) {
	for effect := range h.stamps {
		seen, next := map[int]bool{}, h.causes[effect]
		for len(next) > 0 {
			cause := next[0]
			next = next[1:]
			if seen[cause] {
				continue
			}
			seen[cause] = true
			pairs++
			if !h.stamps[cause].Before(h.stamps[effect]) {
				found = append(found, fmt.Sprintf("event %d at %v led to %d at %v", cause, h.stamps[cause], effect, h.stamps[effect]))
			}
			next = append(next[:len(next):len(next)], h.causes[cause]...)
		}
	}
	return found, pairs
}

// world is a history, and clocks that are set at random while things happen.
type world struct {
	*history
	t    *testing.T
	mu   sync.Mutex
	rand *rand.Rand
}

// node has a clock of its own, which is wrong by up to 200 ms, another amount each time it
// is asked.
func (w *world) node() *hlc.Clock {
	clock, err := hlc.New(hlc.Options{Physical: func() int64 {
		w.mu.Lock()
		defer w.mu.Unlock()
		return noon + w.rand.Int64N(int64(400*time.Millisecond)) - int64(200*time.Millisecond)
	}})
	require.NoError(w.t, err)
	return clock
}

func (w *world) client(clock *hlc.Clock, base http.RoundTripper) *http.Client {
	transport, err := Transport(Plain(clock), base, Options{Trusted: Everyone, RequireStamp: true})
	require.NoError(w.t, err)
	return &http.Client{Transport: transport}
}

// cause is the header by which the onlooker follows a message.
const cause = "X-Cause"

// call is a request because of an event. It returns the event of its reply.
func (w *world) call(client *http.Client, url string, because int) int {
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, url, nil)
	if err != nil {
		w.t.Error(err)
		return because
	}
	sending := w.event(because)
	request.Header.Set(cause, strconv.Itoa(sending))
	response, err := client.Do(request)
	if err != nil {
		w.t.Error(err)
		return because
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	w.at(sending, parsed(w.t, response.Request.Header))
	replied, err := strconv.Atoi(response.Header.Get(cause))
	if err != nil {
		w.t.Error(err)
	}
	receipt, _ := FromReply(response)
	return w.at(w.event(sending, replied), receipt.At)
}

// service serves by work, which returns the last event before its reply.
func (w *world) service(clock *hlc.Clock, work func(received int) int) *httptest.Server {
	stamped, err := Server(Plain(clock), Options{Trusted: Everyone, RequireStamp: true})
	require.NoError(w.t, err)
	server := httptest.NewServer(stamped(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		sent, err := strconv.Atoi(r.Header.Get(cause))
		if err != nil {
			w.t.Error(err)
		}
		receipt, _ := FromRequest(r.Context())
		replying := w.event(work(w.at(w.event(sent), receipt.At)))
		rw.Header().Set(cause, strconv.Itoa(replying))
		rw.WriteHeader([]int{200, 404, 500}[replying%3]) // an error is an event as well
		w.at(replying, parsed(w.t, rw.Header()))
	})))
	w.t.Cleanup(server.Close)
	return server
}

func parsed(t *testing.T, header http.Header) hlc.Timestamp {
	ts, err := hlc.Parse(header.Get(Header))
	if err != nil {
		t.Error(err)
	}
	return ts
}

// TestChain_CausesComeFirst: many clients call a shop, which calls a warehouse, which calls
// a ledger that each request reads and writes, so that chains of messages meet. Whatever
// the clocks say, every event is above all that could have led to it.
func TestChain_CausesComeFirst(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	w := &world{history: &history{}, t: t, rand: rand.New(rand.NewPCG(seed, 0))}

	books := w.node()
	var page sync.Mutex
	written := w.at(w.event(), books.Now())
	ledger := w.service(books, func(received int) int {
		page.Lock()
		defer page.Unlock()
		written = w.event(received, written)
		return w.at(written, books.Now())
	})
	shelves := w.node()
	toLedger := w.client(shelves, ledger.Client().Transport)
	warehouse := w.service(shelves, func(received int) int { return w.call(toLedger, ledger.URL, received) })
	counter := w.node()
	toWarehouse := w.client(counter, warehouse.Client().Transport)
	shop := w.service(counter, func(received int) int {
		first := w.call(toWarehouse, warehouse.URL, received)
		return w.call(toWarehouse, warehouse.URL, first)
	})

	var customers sync.WaitGroup
	var visits atomic.Int64
	for range 6 {
		customers.Go(func() {
			clock := w.node()
			client := w.client(clock, shop.Client().Transport)
			last := w.at(w.event(), clock.Now())
			for range 8 {
				last = w.call(client, shop.URL, last)
				visits.Add(1)
			}
		})
	}
	customers.Wait()
	require.EqualValues(t, 48, visits.Load())
	found, pairs := w.violations()
	require.Empty(t, found, "seed %d", seed)
	require.Greater(t, pairs, 100_000, "the chains met")
	for i, ts := range w.stamps {
		require.False(t, ts.IsZero(), "event %d, seed %d", i, seed)
	}
}

// TestChain_TheOracleCanFail: it finds what is out of order over three hops.
func TestChain_TheOracleCanFail(t *testing.T) {
	h := &history{}
	first := h.at(h.event(), hlc.Timestamp{WallTime: 5})
	second := h.at(h.event(first), hlc.Timestamp{WallTime: 6})
	h.at(h.event(second), hlc.Timestamp{WallTime: 5})
	found, pairs := h.violations()
	require.Equal(t, 3, pairs)
	require.Len(t, found, 2)
}
