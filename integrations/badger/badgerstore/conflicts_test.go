package badgerstore

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
)

func at(n int) hlc.Timestamp { return hlc.Timestamp{WallTime: int64(n)} }

// TestConflicts_Stories: what was written at 10 (a), 20 (ab) and 30 (a, c), after what was read.
func TestConflicts_Stories(t *testing.T) {
	c := newConflicts(at(5))
	c.add(at(10), []string{"a"})
	c.add(at(20), []string{"ab"})
	c.add(at(30), []string{"a", "c"})
	for _, x := range []struct {
		why      string
		read     int
		keys     map[string]bool
		prefixes []string
		want     error
	}{
		{"nothing was read", 5, nil, nil, nil},
		{"a key that nobody wrote", 5, map[string]bool{"b": true}, nil, nil},
		{"the last write counts", 5, map[string]bool{"a": true, "ab": true}, nil, &conflictError{at(30)}},
		{"it was written before", 20, map[string]bool{"ab": true}, nil, nil},
		{"it was written after", 19, map[string]bool{"ab": true}, nil, &conflictError{at(20)}},
		{"a prefix is more than a key", 10, nil, []string{"ab"}, &conflictError{at(20)}},
		{"a key is not a prefix", 10, map[string]bool{"ab": true, "": true}, nil, &conflictError{at(20)}},
		{"another prefix", 5, nil, []string{"b", "aba"}, nil},
		{"everything", 29, nil, []string{""}, &conflictError{at(30)}},
		{"all that was written", 30, map[string]bool{"a": true}, []string{""}, nil},
		{"before what is known", 4, nil, nil, &TooOldError{TS: at(4), Oldest: at(5)}},
	} {
		require.Equal(t, x.want, c.check(at(x.read), x.keys, x.prefixes), x.why)
	}
	c.forget(at(20))
	require.Equal(t, map[string]hlc.Timestamp{"a": at(30), "c": at(30)}, c.last)
	require.Equal(t, &conflictError{at(30)}, c.check(at(20), map[string]bool{"a": true}, nil))
	require.Equal(t, &TooOldError{TS: at(19), Oldest: at(20)}, c.check(at(19), nil, nil))
	c.forget(at(7))
	require.Equal(t, at(20), c.forgotten, "it never goes back")
}

// TestConflicts_EqualAListOfAll: whatever was written, read and forgotten.
func TestConflicts_EqualAListOfAll(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	word := func() string { return strings.Repeat("ab", 2)[r.IntN(2) : 2+r.IntN(3)] }
	words := func() (all []string) {
		for range r.IntN(3) {
			all = append(all, word())
		}
		return all
	}
	c := newConflicts(at(0))
	var all []commit
	forgotten := 0
	for now := 1; now < 3000; now++ {
		written := words()
		c.add(at(now), written)
		all = append(all, commit{at(now), written})
		if r.IntN(20) == 0 {
			forgotten = max(forgotten, now-r.IntN(50))
			c.forget(at(forgotten))
		}
		read, keys, prefixes := now-r.IntN(100), map[string]bool{}, words()
		for _, key := range words() {
			keys[key] = true
		}
		var want error
		for _, w := range all {
			for _, key := range w.keys {
				hit := keys[key]
				for _, prefix := range prefixes {
					hit = hit || strings.HasPrefix(key, prefix)
				}
				if hit && w.ts.After(at(read)) {
					want = &conflictError{w.ts}
				}
			}
		}
		if read < forgotten {
			want = &TooOldError{TS: at(read), Oldest: at(forgotten)}
		}
		require.Equal(t, want, c.check(at(read), keys, prefixes), "seed %d, step %d", seed, now)
	}
	c.forget(at(3000))
	require.Empty(t, c.last)
	require.Empty(t, c.commits)
}
