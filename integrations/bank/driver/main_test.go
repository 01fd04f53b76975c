package driver

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// orphans is the argument with which this program starts a cluster and waits to be killed.
const orphans = "orphans"

// TestMain runs this program as a shard, or as the parent of some, if it is started as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case Argument:
			exit(RunShard(os.Stdin, os.Stdout, os.Exit))
		case orphans:
			exit(makeOrphans())
		}
	}
	goleak.VerifyTestMain(m)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// makeOrphans prints the process ids of two shards, of which one is stopped.
func makeOrphans() error {
	c, err := StartCluster(context.Background(), Options{Shards: 2, Delay: time.Millisecond, Seed: 1})
	if err != nil {
		return err
	}
	c.processes[1].pause()
	fmt.Println(c.processes[0].command.Process.Pid, c.processes[1].command.Process.Pid)
	select {}
}
