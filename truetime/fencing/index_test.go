package fencing

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/durable/durabletest"
)

// TestIndex_FindsAllAndNothingElse, also names that share a cell.
func TestIndex_FindsAllAndNothingElse(t *testing.T) {
	all := map[string]*resource{}
	for i := range 300 {
		for _, name := range []string{fmt.Sprint(i), fmt.Sprint("volume ", i), fmt.Sprint(i, " of the same end")} {
			all[name] = &resource{name: name}
			x := newIndex(all)
			require.Same(t, all[name], x.find(name))
			require.Nil(t, x.find(name+"x"))
		}
	}
	x := newIndex(all)
	for name, s := range all {
		require.Same(t, s, x.find(name))
	}
	require.Nil(t, x.find(""))
	require.Nil(t, newIndex(nil).find("a"))
	require.Nil(t, (&index{}).find("a"))
}

// TestIndex_OfManyNewNames is made anew now and then, not for each of them: that would be the square of their number. And whoever is asked for again
// is in it soon.
func TestIndex_OfManyNewNames(t *testing.T) {
	r := opened(t, durabletest.New(), Options{MaxResources: 2_000})
	made, last := 0, r.known.Load()
	look := func(name string) {
		_, err := r.find(name, 1, true)
		require.NoError(t, err)
		if now := r.known.Load(); now != last {
			made, last = made+1, now
		}
	}
	for i := range 2_000 {
		look(fmt.Sprint("resource ", i))
	}
	require.Less(t, made, 150)
	for range 2_000/16 + 1 {
		look("resource 1999")
	}
	require.NotNil(t, last.find("resource 1999"))
	require.Less(t, made, 150)
}
