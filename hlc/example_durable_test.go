package hlc_test

import (
	"context"
	"fmt"
	"os"

	"github.com/trueclock/trueclock/hlc"
)

// The second run goes on above the first one.
func ExampleOpenDurable() {
	dir, err := os.MkdirTemp("", "clock")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	run := func() hlc.Timestamp {
		events, _ := hlc.New(hlc.Options{})
		durable, err := hlc.OpenDurable(context.Background(), events, hlc.DurableOptions{Dir: dir})
		if err != nil {
			fmt.Println(err)
			return hlc.Timestamp{}
		}
		defer durable.Close()
		ts, err := durable.Now(context.Background())
		fmt.Println("run", durable.Recovery().Incarnation, err)
		return ts
	}
	first := run()
	fmt.Println(run().After(first))
	// Output:
	// run 1 <nil>
	// run 2 <nil>
	// true
}
