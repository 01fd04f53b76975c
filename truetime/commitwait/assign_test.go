package commitwait

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/trueclock/trueclock/hlc"
)

// TestAssign_APanicInCover burns the timestamp: nobody has the Pending.
func TestAssign_APanicInCover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bug := true
		n := newNode(t, 0, Options{Cover: func(context.Context, hlc.Timestamp) error {
			if bug {
				panic("a bug, which net/http recovers from")
			}
			return nil
		}})
		func() {
			defer func() { _ = recover() }()
			_, _ = n.committer.Commit(t.Context(), nothing)
		}()
		bug = false
		require.Zero(t, n.committer.Stats().InFlight)
	})
}

// TestAssign_AFloorTooFarAfterARestart is refused as any other is, and does not hang every commit until it has passed.
func TestAssign_AFloorTooFarAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{MaxFloorLead: time.Second, Floor: hlc.Timestamp{WallTime: time.Now().Add(1500 * time.Millisecond).UnixNano()}})
		_, err := n.committer.Commit(t.Context(), nothing)
		require.ErrorAs(t, err, new(*FloorTooFarError))
		time.Sleep(600 * time.Millisecond)
		_, err = n.committer.Commit(t.Context(), nothing)
		require.NoError(t, err)
	})
}

// TestAssign_TheEndOfTheEventsRange is an error before anything depends on the timestamp, which the HLC could not follow.
func TestAssign_TheEndOfTheEventsRange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, 0, Options{})
		var err error
		layout, err := hlc.NewLayout(hlc.LayoutOptions{Name: "short", Epoch: time.Now().UnixNano() - int64(math.MaxUint32)*1000 + int64(500*time.Millisecond), Ticks: 1, Nanos: 1000, LogicalBits: 32})
		require.NoError(t, err)
		events, err := hlc.New(hlc.Options{Layout: layout})
		require.NoError(t, err)
		n.committer, err = New(n.clock, events, Options{})
		require.NoError(t, err)
		_, err = n.committer.Assign(t.Context())
		require.ErrorIs(t, err, hlc.ErrExhausted)
	})
}
