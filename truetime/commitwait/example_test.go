package commitwait_test

import (
	"context"
	"fmt"
	"time"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/commitwait"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

// A transaction is applied, and acknowledged, once its timestamp has certainly
// passed. A real program gets its bounds from ntpprobe.
func ExampleCommitter_Commit() {
	local, _ := truetime.NewLocalClock()
	clock := truetime.New(local, truetime.Options{})
	r, _ := local.Read()
	_ = clock.Update(truetimetest.Around(r, time.Now().UnixNano(), time.Millisecond, 200_000), nil)

	committer, _ := commitwait.New(clock, nil, commitwait.Options{MaxWait: time.Second})
	_, err := committer.Commit(context.Background(), func(_ context.Context, ts hlc.Timestamp) error {
		passed, err := clock.After(ts.Time())
		fmt.Println("certainly passed:", passed)
		return err
	})
	fmt.Println("committed:", err == nil)
	// Output:
	// certainly passed: true
	// committed: true
}
