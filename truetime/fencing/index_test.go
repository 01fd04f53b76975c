package fencing

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
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
