package serve

import (
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestHistory_NoMinuteIsNarrowerThanItsLooks: a random day and a half; each minute holds each of its looks, none is counted
// twice or lost, and no more is kept than an hour and a day.
func TestHistory_NoMinuteIsNarrowerThanItsLooks(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	states := []string{"synchronized", "holdover", "unsynchronized", "disrupted"}
	var h History
	var all []Look
	begin := time.Duration(random.Int64N(int64(time.Hour)))
	for at := begin; at < begin+36*time.Hour; at += time.Second + time.Duration(random.Int64N(int64(100*time.Millisecond))) {
		middle, half := random.Int64N(2e6)-1e6, random.Int64N(1e6)
		l := Look{At: at, Wall: time.Unix(0, int64(at)), State: states[random.IntN(4)], Known: random.IntN(3) > 0, Low: middle - half, High: middle + half}
		all = append(all, l)
		h.Add(l)
	}
	newest := all[len(all)-1].At
	looks, minutes := h.Spans()
	require.Len(t, looks, keptLooks)
	require.Len(t, minutes, keptMinutes)
	for i, s := range looks {
		require.Equal(t, all[len(all)-keptLooks+i].span(), s)
	}
	for _, m := range minutes {
		known, unknown, worst := 0, 0, 0
		for ; all[0].At < m.From; all = all[1:] {
		}
		for _, l := range all {
			if l.At > m.To {
				break
			}
			worst = max(worst, severity[l.State])
			if unknown++; l.Known {
				known, unknown = known+1, unknown-1
				require.LessOrEqual(t, m.Low, l.Low, "seed %d", seed)
				require.GreaterOrEqual(t, m.High, l.High, "seed %d", seed)
			}
		}
		require.Equal(t, []int{known, unknown}, []int{m.Known, m.Unknown}, "seed %d", seed)
		require.Equal(t, worst, severity[m.State], "seed %d", seed)
		require.Less(t, m.To-m.From, time.Minute)
	}
	require.Equal(t, newest, minutes[len(minutes)-1].To)
}

// TestHistory_AMinuteWithoutAnInterval has none, and one that ends with none keeps what it had.
func TestHistory_AMinuteWithoutAnInterval(t *testing.T) {
	var h History
	h.Add(Look{At: 0, State: "unsynchronized", Low: -99, High: 99})
	_, minutes := h.Spans()
	require.Equal(t, Span{State: "unsynchronized", Unknown: 1}, minutes[0])
	h.Add(Look{At: 1e9, State: "synchronized", Known: true, Low: 5, High: 9})
	h.Add(Look{At: 2e9, State: "disrupted", Low: -99, High: 99})
	_, minutes = h.Spans()
	require.Equal(t, []Span{{From: 0, To: 2e9, State: "disrupted", Known: 1, Unknown: 2, Low: 5, High: 9}}, minutes)
}

// TestHistory_IsMadeOnceForAll who ask within a second: a hundred that read slowly hold one copy.
func TestHistory_IsMadeOnceForAll(t *testing.T) {
	var made atomic.Int64
	s := serving(t, func(c *Config) { c.Every, c.History = time.Hour, func() any { return object{made.Add(1)} } })
	for range 5 {
		code, header, body := s.ask(t, http.MethodGet, "/api/v1/history")
		require.Equal(t, http.StatusOK, code)
		require.Equal(t, "application/json", header.Get("Content-Type"))
		require.Equal(t, "{\"n\":1}\n", body)
	}
	p := past{}
	for want := range int64(3) { // and anew when the second is over
		_, err := p.get(func() any { return object{want} }, 0)
		require.NoError(t, err)
		require.JSONEq(t, string([]byte{'{', '"', 'n', '"', ':', byte('0' + want), '}'}), string(p.text))
	}
}
