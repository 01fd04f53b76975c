package skew

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
)

const (
	ms    = int64(time.Millisecond)
	limit = 50 * time.Millisecond
	epoch = uint64(7)
)

// said is a node whose clock is ahead by ahead and which knows the time to ±half. It was asked when the
// asker's clock showed at, which took 2 ms; the true time was the same number.
func said(at, ahead, half int64) Node {
	return Node{
		Known: true, Read: at + ahead, Earliest: at - half, Latest: at + half,
		Sent: truetime.Reading{Nanos: at - ms, Epoch: epoch}, Got: truetime.Reading{Nanos: at + ms, Epoch: epoch},
	}
}

func TestCompare_WhatTwoClaimsAllow(t *testing.T) {
	at := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC).UnixNano()
	down := said(at, 0, 0)
	down.Known = false
	suspended := said(at, 0, ms)
	suspended.Got.Epoch++
	lies := said(at, 0, ms)
	lies.Earliest, lies.Latest = lies.Earliest+100*ms, lies.Latest+100*ms
	late := said(at+20_000*ms, 0, ms/10) // by an asker whose clock is 200 ppm fast
	late.Sent.Nanos, late.Got.Nanos = late.Sent.Nanos+4*ms, late.Got.Nanos+4*ms
	for name, c := range map[string]struct {
		a, b Node
		want State
	}{
		"both are right":                                   {said(at, 0, ms), said(at, 0, ms), Within},
		"40 ms apart, known to a millisecond":              {said(at, 40*ms, ms), said(at, 0, ms), Within},
		"49 ms apart, known to 2 ms: perhaps over":         {said(at, 49*ms, ms), said(at, 0, ms), Perhaps},
		"51 ms apart, known to 2 ms: perhaps not":          {said(at, 51*ms, ms), said(at, 0, ms), Perhaps},
		"60 ms ahead":                                      {said(at, 60*ms, ms), said(at, 0, ms), Over},
		"60 ms behind":                                     {said(at, -60*ms, ms), said(at, 0, ms), Over},
		"30 ms on each side":                               {said(at, 30*ms, ms), said(at, -30*ms, ms), Over},
		"asked 100 ms later: that is no skew":              {said(at, 0, ms), said(at+100*ms, 0, ms), Within},
		"clocks that are right, and a claim that is not":   {lies, said(at, 0, ms), Disproved},
		"and the other way round":                          {said(at, 0, ms), lies, Disproved},
		"claims 2 ms apart that the round trips allow":     {said(at, 0, ms), Node{Known: true, Read: at, Earliest: at + 2*ms, Latest: at + 3*ms, Sent: down.Sent, Got: down.Got}, Within},
		"asked 20 s later by a clock that is 200 ppm fast": {said(at, 0, ms/10), late, Within},
		"nobody answers":                                   {said(at, 0, ms), down, Unknown},
		"the asker was suspended meanwhile":                {said(at, 0, ms), suspended, Unknown},
		"an interval of a second says nothing about 50 ms": {said(at, 0, 1000*ms), said(at, 0, ms), Perhaps},
	} {
		got := Compare(c.a, c.b, limit)
		require.Equal(t, c.want, got.State, name)
		mirrored := Compare(c.b, c.a, limit)
		require.Equal(t, c.want, mirrored.State, name)
		require.Equal(t, Pair{got.State, -got.Max, -got.Min}, mirrored, "the other way round it has the other sign: %s", name)
	}
}

// TestCompare_TheTruthIsInside for honest nodes at random: the true skew is in the range, and
// they never disprove each other, however they drift and whenever they are asked.
func TestCompare_TheTruthIsInside(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	between := func(low, high int64) int64 { return low + random.Int64N(high-low+1) }
	for range 20_000 {
		askerPPM := between(-200, 200)
		asker := func(true int64) int64 { return true + true*askerPPM/1_000_000 }
		node := func() (Node, func(int64) int64) {
			ahead, ppm := between(-100*ms, 100*ms), between(-500, 500)
			clock := func(true int64) int64 { return true + ahead + true*ppm/1_000_000 }
			sent := between(0, 2000*ms)
			read := sent + between(0, 50*ms)
			got := read + between(0, 50*ms)
			return Node{
				Known: true, Read: clock(read), Earliest: read - between(0, 20*ms), Latest: read + between(0, 20*ms),
				Sent: truetime.Reading{Nanos: asker(sent) - 1, Epoch: epoch}, Got: truetime.Reading{Nanos: asker(got) + 1, Epoch: epoch},
			}, clock
		}
		a, clockA := node()
		b, clockB := node()
		pair := Compare(a, b, limit)
		require.NotEqual(t, Disproved, pair.State, "seed %d", seed)
		// The skew at the moment when a was read, and when b was.
		for _, at := range []int64{unread(clockA, a.Read), unread(clockB, b.Read)} {
			skew := time.Duration(clockA(at) - clockB(at))
			require.LessOrEqual(t, pair.Min, skew+2, "seed %d", seed)
			require.GreaterOrEqual(t, pair.Max, skew-2, "seed %d", seed)
		}
	}
}

// TestCompare_ClocksDriftWhileTheyAreAsked: one was asked two seconds after the other, both know the time exactly, and their clocks run
// apart as fast as they may. The range holds the skew at both moments.
func TestCompare_ClocksDriftWhileTheyAreAsked(t *testing.T) {
	at := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC).UnixNano()
	const apart = 2000 * ms
	a, b := said(at, 0, 0), said(at+apart, -ms, 0) // b has lost a millisecond since a was read, at -500 ppm
	pair := Compare(a, b, limit)
	require.LessOrEqual(t, pair.Min, time.Duration(0), "when a was read")
	require.GreaterOrEqual(t, pair.Max, time.Millisecond, "when b was read")
}

// unread finds when a clock showed something.
func unread(clock func(int64) int64, shown int64) int64 {
	low, high := int64(-1000*ms), int64(5000*ms)
	for low < high {
		middle := low + (high-low)/2
		if clock(middle) < shown {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

func TestMatrix_Verdicts(t *testing.T) {
	at := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC).UnixNano()
	good, ahead, behind, vague, down := said(at, 0, ms), said(at, 200*ms, ms), said(at, -200*ms, ms), said(at, 0, 1000*ms), Node{}
	for name, c := range map[string]struct {
		nodes []Node
		want  []Verdict
	}{
		"one of three is out":                       {[]Node{good, good, ahead}, []Verdict{Healthy, Healthy, Evict}},
		"of two nobody knows which":                 {[]Node{good, ahead}, []Verdict{Unproven, Unproven}},
		"two halves must not evict each other":      {[]Node{good, good, ahead, ahead}, []Verdict{Unproven, Unproven, Unproven, Unproven}},
		"isolation is unknown, not out":             {[]Node{good, good, down}, []Verdict{Healthy, Healthy, Unproven}},
		"with two down, one alone is no majority":   {[]Node{good, down, down}, []Verdict{Unproven, Unproven, Unproven}},
		"who knows little is not out":               {[]Node{good, good, vague}, []Verdict{Healthy, Healthy, Unproven}},
		"three that agree on nothing: one is right": {[]Node{good, ahead, behind}, []Verdict{Unproven, Unproven, Unproven}},
		"one down, and one out of the other three":  {[]Node{good, good, ahead, down}, []Verdict{Unproven, Unproven, Unproven, Unproven}},
		"one down, and one out of the other four":   {[]Node{good, good, good, ahead, down}, []Verdict{Healthy, Healthy, Healthy, Evict, Unproven}},
		"out for one who knows more than the rest":  {[]Node{good, said(at, 0, 20*ms), said(at, 0, 20*ms), said(at, 65*ms, ms)}, []Verdict{Healthy, Healthy, Healthy, Unproven}},
		"one node alone is healthy by its own word": {[]Node{good}, []Verdict{Healthy}},
	} {
		pairs, verdicts := Matrix(c.nodes, limit)
		require.Equal(t, c.want, verdicts, name)
		for i := range pairs {
			require.Equal(t, Itself, pairs[i][i].State)
		}
	}
}

func TestSymbols_AreAllDifferent(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range []State{Within, Perhaps, Over, Disproved, Unknown, Itself} {
		require.Len(t, s.Symbol(), 1)
		require.False(t, seen[s.Symbol()])
		seen[s.Symbol()] = true
	}
}
