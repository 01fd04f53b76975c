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

// clock is one of a machine whose interval is ± 1 ms. (ntpprobe makes real ones.)
func clock() *truetime.Clock {
	local := truetimetest.NewVirtual(0)
	c := truetime.New(local, truetime.Options{})
	reading, _ := local.Read()
	_ = c.Update(truetimetest.Around(reading, time.Now().UnixNano(), time.Millisecond, 0), nil)
	return c
}

// A store of versions, a commit, and a snapshot that sees it.
func ExampleCommitter_Commit() {
	committer, err := commitwait.New(clock(), nil, commitwait.Options{MaxUncertainty: 5 * time.Millisecond})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	versions := map[hlc.Timestamp]string{}
	ts, err := committer.Commit(ctx, func(_ context.Context, ts hlc.Timestamp) error {
		versions[ts] = "x = 1" // nobody can see it before ts has passed
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	read, err := committer.Snapshot(ctx, commitwait.Strong())
	fmt.Println(versions[ts], !read.Before(ts), err)
	// Output: x = 1 true <nil>
}

// A store that replicates while the timestamp passes.
func ExamplePending_Run() {
	committer, err := commitwait.New(clock(), nil, commitwait.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	p, err := committer.Assign(ctx) // the locks are held
	if err != nil {
		fmt.Println(err)
		return
	}
	err = p.Run(ctx, func(ctx context.Context, ts hlc.Timestamp) error {
		fmt.Println("replicating; safe to read there:", !committer.SafeTime().Before(ts))
		return nil
	})
	fmt.Println(p.State(), "safe to read there:", !committer.SafeTime().Before(p.TS()), err)
	// Output:
	// replicating; safe to read there: false
	// visible safe to read there: true <nil>
}

// What a client carries from its write to its next read, wherever that goes.
func ExampleTokens() {
	tokens, err := commitwait.NewTokens([]byte("a key that all nodes have"))
	if err != nil {
		fmt.Println(err)
		return
	}
	token, _ := tokens.Seal(hlc.Timestamp{WallTime: 1_790_000_000e9, Logical: 7})
	ts, err := tokens.Open(token)
	fmt.Println(ts, err)
	_, err = tokens.Open("x" + token[1:])
	fmt.Println(err)
	// Output:
	// 1790000000.000000000,7 <nil>
	// commitwait: no session token: it is not signed
}
