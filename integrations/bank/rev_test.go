package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/integrations/bank/check"
	"github.com/trueclock/trueclock/integrations/bank/driver"
)

// TestRev_NothingIsRight: a run in which nothing was committed and nothing read is called right.
func TestRev_NothingIsRight(t *testing.T) {
	var out bytes.Buffer
	r := check.Record{Accounts: 16, Total: 16000, Missed: 9}
	require.Error(t, summary(&out, driver.Options{}, r, driver.Faults{}, check.Run(r)), out.String())
}

// TestRev_UndecidedIsRight: linearizability was not decided, and "linearizability of each account" is called right, with exit code 0.
func TestRev_UndecidedIsRight(t *testing.T) {
	var out bytes.Buffer
	_ = summary(&out, driver.Options{}, check.Record{}, driver.Faults{}, check.Report{Operations: 9, Undecided: []string{"account 7"}})
	require.NotContains(t, out.String(), "linearizability of each account")
}
