// Package check judges what the clients of the bank have seen, and what its shards kept.
package check

import (
	"time"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/integrations/bank/wire"
)

// Transfer is a transaction as its client saw it. Times count on the driver's one clock.
type Transfer struct {
	Client            int // below 0: the driver, before and after the clients
	Tx                int64
	Invoked, Returned time.Duration
	Amounts           map[int]int64 // what is put on each account
	State             State
	TS                hlc.Timestamp // committed
	Before            wire.Entries  // committed: what it read
	Why               string        // aborted, or why nobody knows
	Epsilon           time.Duration // of the coordinator's clock
}

// State is what a client knows of its transaction.
type State int

// The states.
const (
	Unknown State = iota
	Committed
	Aborted
)

// Snapshot is all accounts at one timestamp.
type Snapshot struct {
	Client            int
	Invoked, Returned time.Duration
	TS                hlc.Timestamp
	Entries           wire.Entries
}

// Record is all that was seen in a run.
type Record struct {
	Accounts  int
	Total     int64
	Transfers []Transfer
	Snapshots []Snapshot // of the present
	Again     []Snapshot // read once more, later, at a timestamp of the above
	Missed    int        // snapshots that no answer came to
	Kept      wire.Versions
}
