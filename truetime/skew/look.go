package skew

import (
	"time"

	"github.com/trueclock/trueclock/truetime"
)

// Look returns what this node can say of itself: what its wall clock shows, and the interval that the true time was in at that
// moment. wall is the clock that is judged; nil means time.Now. Errors are those of
// [truetime.Clock.Now]: a node without an interval has nothing to say.
func Look(clock *truetime.Clock, wall func() time.Time) (Node, error) {
	if wall == nil {
		wall = time.Now
	}
	before, err := clock.Now()
	if err != nil {
		return Node{}, err
	}
	read := wall()
	after, err := clock.Now()
	if err != nil {
		return Node{}, err
	}
	// The wall clock was read after the first instant and before the second.
	return Node{Known: true, Read: read.UnixNano(), Earliest: before.EarliestUnixNano(), Latest: after.LatestUnixNano()}, nil
}
