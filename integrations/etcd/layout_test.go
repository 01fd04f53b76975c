package main

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
)

// TestLayout_FindsTheNewestVersion at or below a timestamp, of that key alone, as etcd does: the first key from there on.
func TestLayout_FindsTheNewestVersion(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	keys := []string{"", "a", "a/", "a/b", "a/z", "A", "a\x00", "a%2F", "ä", "a0", "/"}
	some := func() hlc.Timestamp {
		return hlc.Timestamp{WallTime: r.Int64N(6), Logical: [...]uint32{0, 1, math.MaxUint32}[r.IntN(3)]}
	}
	for range 300 {
		l, other := layoutOf("s"), layoutOf("s/data")
		written := map[string][]hlc.Timestamp{}
		var all []string
		for range 30 {
			key, ts := keys[r.IntN(len(keys))], some()
			written[key] = append(written[key], ts)
			all = append(all, l.version(key, ts), l.record(ts), other.version(key, ts))
		}
		all = append(all, l.bound(), l.candidates()+"/1234")
		slices.Sort(all)
		for range 30 {
			key, ts := keys[r.IntN(len(keys))], some()
			var want hlc.Timestamp
			found := false
			for _, at := range written[key] {
				if !at.After(ts) && (!found || at.After(want)) {
					want, found = at, true
				}
			}
			i, _ := slices.BinarySearch(all, l.version(key, ts))
			within := i < len(all) && strings.HasPrefix(all[i], l.versions(key))
			require.Equal(t, found, within, "seed %d", seed)
			if found {
				is, err := timestampOf([]byte(all[i]))
				require.NoError(t, err)
				require.Equal(t, want, is, "seed %d", seed)
			}
		}
	}
	_, err := timestampOf([]byte("s/data/a/nothing"))
	require.Error(t, err)
}

// TestLocks are held by one at a time, and those who leave leave nothing behind.
func TestLocks(t *testing.T) {
	var l locks
	inside := map[string]int{}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			keys := []string{"a", "b", "a"}
			if i%2 == 0 {
				keys = []string{"b", "a"}
			}
			for range 200 {
				release, err := l.acquire(t.Context(), keys)
				if err != nil {
					t.Error(err)
					return
				}
				inside["a"]++ // which the race detector and the map would not stand
				release()
				release()
			}
		})
	}
	all.Wait()
	require.Equal(t, 8*200, inside["a"])
	release, err := l.acquire(t.Context(), []string{"b"})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err = l.acquire(ctx, []string{"a", "b"})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	release()
	release, err = l.acquire(t.Context(), []string{"a", "b"})
	require.NoError(t, err)
	release()
	require.Empty(t, l.keys)
}
