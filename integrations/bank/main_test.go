package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/trueclock/trueclock/integrations/bank/check"
	"github.com/trueclock/trueclock/integrations/bank/driver"
	"github.com/trueclock/trueclock/integrations/bank/shard"
)

// TestMain runs this program as a shard, if it is started as one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == driver.Argument {
		if err := driver.RunShard(os.Stdin, os.Stdout, os.Exit); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// TestBank_IsRight while shards are killed and paused.
func TestBank_IsRight(t *testing.T) {
	o := driver.Options{Shards: 3, Clients: 8, Kills: 5, Pauses: 5, For: 15 * time.Second, Delay: 6 * time.Millisecond, Seed: rand.Uint64()}
	t.Logf("seed %d", o.Seed)
	record, faults, err := driver.Run(t.Context(), o)
	require.NoError(t, err, "seed %d", o.Seed)
	report := check.Run(record)
	var text bytes.Buffer
	err = summary(&text, o, record, faults, report)
	t.Log(text.String())
	require.NoError(t, err, "seed %d", o.Seed)
	require.Empty(t, report.Undecided, "seed %d", o.Seed)
	require.Equal(t, []int{o.Kills, o.Pauses}, []int{faults.Kills, faults.Pauses})
	require.Greater(t, len(record.Snapshots), 10)
	require.NotEmpty(t, record.Again)
	latencies, _ := driver.Latencies(record)
	require.Greater(t, len(latencies), 50, "transfers")
}

// TestBank_WhatIsBrokenIsFound: each rule that is broken, and a check that must see it. A run may have luck, five have not.
func TestBank_WhatIsBrokenIsFound(t *testing.T) {
	found := map[shard.Break]struct {
		by             []string
		clients, kills int
	}{
		shard.NoWait:    {by: []string{"real time"}, clients: 24},
		shard.Narrow:    {by: []string{"real time"}, clients: 24},
		shard.LandFirst: {by: []string{"total"}, clients: 24},
		shard.LowStamp:  {by: []string{"total", "same snapshot"}, clients: 2}, // the more there are, the longer each vote waits for locks
		shard.AckFirst:  {by: []string{"kept"}, clients: 24, kills: 4},
	}
	require.Len(t, found, len(shard.Mutants()))
	for _, broken := range shard.Mutants() {
		t.Run(string(broken), func(t *testing.T) {
			how := found[broken]
			o := driver.Options{Shards: 3, Clients: how.clients, Kills: how.kills, For: 3 * time.Second, Delay: 60 * time.Millisecond, Break: broken}
			for range 5 {
				o.Seed = rand.Uint64()
				record, _, err := driver.Run(t.Context(), o)
				require.NoError(t, err, "seed %d", o.Seed)
				for _, p := range check.Run(record).Problems {
					if slices.Contains(how.by, p.Kind) {
						t.Logf("seed %d: %v", o.Seed, p)
						return
					}
				}
				t.Logf("seed %d found nothing", o.Seed)
			}
			t.Error("nothing was found")
		})
	}
}

// TestRun is the program.
func TestRun(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-for", "1s", "-shards", "2", "-clients", "2", "-kills", "1", "-pauses", "0", "-seed", "7"}, &out, io.Discard))
	for _, line := range []string{"seed 7, 2 shards, 16 accounts, 2 clients, 1s\n", "1 kills, ", "right: "} {
		require.Contains(t, out.String(), line)
	}
	for _, args := range [][]string{{"-clients", "x"}, {"more"}, {"-shards", "0"}, {"-for", "1h"}, {"-break", "die-voted"}} {
		require.Error(t, run(t.Context(), args, io.Discard, io.Discard), "%v", args)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(300*time.Millisecond, cancel)
	require.ErrorIs(t, run(ctx, []string{"-for", "1m"}, io.Discard, io.Discard), context.Canceled)
}

// TestSummary_SaysWhatIsWrong, and what could not be judged.
func TestSummary_SaysWhatIsWrong(t *testing.T) {
	var out bytes.Buffer
	report := check.Report{Problems: []check.Problem{{Kind: "total", Why: "it is 3"}}, Undecided: []string{"account 7"}}
	record := check.Record{Transfers: []check.Transfer{{State: check.Aborted, Why: "busy: x"}, {State: check.Aborted, Why: "down: y"}, {State: check.Aborted, Why: "busy: z"}}}
	require.ErrorIs(t, summary(&out, driver.Options{Break: shard.NoWait}, record, driver.Faults{Kills: 2, Twice: 1}, report), errWrong)
	for _, line := range []string{", broken: no-wait\n", "3 aborted (busy 2 down 1)", "2 kills, 1 of them twice, 0 pauses\n", "not decided in time: linearizability of account 7\n", "WRONG:\n- total: it is 3\n"} {
		require.Contains(t, out.String(), line)
	}
}

// TestSummary_NothingIsNotRight: a run in which nothing was committed and nothing read proves nothing.
func TestSummary_NothingIsNotRight(t *testing.T) {
	var out bytes.Buffer
	r := check.Record{Accounts: 16, Total: 16000, Missed: 9}
	require.ErrorIs(t, summary(&out, driver.Options{}, r, driver.Faults{}, check.Run(r)), errNotJudged)
	require.Contains(t, out.String(), "no evidence: no client's transaction was committed\n")
	require.NotContains(t, out.String(), "right:")
}

// TestSummary_UndecidedIsNotRight: the rest is right, and linearizability is not called so.
func TestSummary_UndecidedIsNotRight(t *testing.T) {
	var out bytes.Buffer
	report := check.Report{Operations: 9, Undecided: []string{"account 7, 9 operations"}}
	require.ErrorIs(t, summary(&out, driver.Options{}, check.Record{}, driver.Faults{}, report), errNotJudged)
	require.Contains(t, out.String(), "not decided in time: linearizability of account 7, 9 operations\n")
	require.Contains(t, out.String(), "right: totals, the same snapshots twice, what the stores kept, and for 9 operations\n")
	require.NotContains(t, out.String(), "linearizability of each account")
}
