// Package wire is what the shards of the bank and its clients say to each other: JSON over HTTP/1.1.
package wire

import "github.com/trueclock/trueclock/hlc"

// Paths of the requests. The type of the request and of the answer stand beside them.
const (
	OpenPath     = "/open"     // Open      → Outcome    the first deposit on all accounts of a shard
	TransferPath = "/transfer" // Transfer  → Outcome    a client to the coordinator
	PreparePath  = "/prepare"  // Prepare   → Vote       the coordinator to a participant
	DecidePath   = "/decide"   // Decision  → Nothing    the coordinator to a participant
	AskPath      = "/ask"      // Ask       → Decision   a participant in doubt to the coordinator
	SnapshotPath = "/snapshot" // Snapshot  → View       a client to each shard
	HistoryPath  = "/history"  // Snapshot  → Versions   the driver to each shard, at the end
	StatusPath   = "/status"   // Nothing   → Status
)

// ShardOf says where an account lives.
func ShardOf(account, shards int) int { return account % shards }

// Entry is an account at one timestamp: what is on it, and which transaction put it there. No transaction
// has the number 0.
type Entry struct {
	Balance int64
	Tx      int64
}

// Entries are accounts by number.
type Entries map[int]Entry

// Open deposits on all accounts of the shard.
type Open struct {
	Tx       int64
	Accounts []int
	Balance  int64
}

// Transfer moves money between accounts: the amounts add up to 0. The shard that gets it is the coordinator, and
// has one of the accounts.
type Transfer struct {
	Tx      int64
	Amounts map[int]int64
}

// Outcome says what became of a transaction, for certain: no copy of the request changes it. A copy of one that was committed gets the same
// timestamp, without Before; of one that is under way, an error.
type Outcome struct {
	Committed bool
	TS        hlc.Timestamp
	Before    Entries // what the transaction has read: its accounts just before TS
	Why       string  // not committed
	Epsilon   int64   // half width of the coordinator's interval, ns
}

// Prepare asks a participant for its vote.
type Prepare struct {
	Tx          int64
	Coordinator int
	Amounts     map[int]int64 // of this participant's accounts
}

// Vote is the answer: a prepare timestamp, or the reason why not.
type Vote struct {
	Yes    bool
	TS     hlc.Timestamp
	Before Entries
	Why    string
}

// Ask asks the coordinator what was decided.
type Ask struct{ Tx int64 }

// Decision is what the coordinator decided. While it is undecided the participant asks again.
type Decision struct {
	Tx      int64
	Decided bool
	Commit  bool
	TS      hlc.Timestamp // of the commit
}

// Snapshot asks for all accounts of a shard at one timestamp: a given one, or if it is unset one that sees all that was
// acknowledged before, anywhere.
type Snapshot struct {
	At hlc.Timestamp
	// ChooseOnly wants the timestamp alone.
	ChooseOnly bool
}

// View is the answer.
type View struct {
	TS      hlc.Timestamp
	Entries Entries
}

// Version is one entry of an account's past.
type Version struct {
	TS    hlc.Timestamp
	Entry Entry
}

// Versions are all entries up to a timestamp by account, the oldest first.
type Versions map[int][]Version

// Status says what a shard is doing.
type Status struct {
	InDoubt int // votes whose decision has not been carried out
	Running int // transactions that it coordinates now
}

// Nothing is an empty message.
type Nothing struct{}
