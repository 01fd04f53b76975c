// Package shard is one shard of the bank: a process with a Badger, a clock of its own and a part of the accounts, which
// takes part in two-phase commit with the others.
//
// The rules, as in Spanner (OSDI 2012, §4.2.1):
//
//   - A transaction locks its accounts, reads them at their newest version, and holds the locks until it is decided here.
//   - A participant votes with a prepare timestamp, and stays in flight there: nobody gets a snapshot at or above it. The vote
//     is durable before it is sent.
//   - The coordinator takes s above all votes and above the latest possible true time, waits until s has certainly
//     passed, and then writes the decision with its own accounts, durably: that is the commit. Then the client is
//     told, and the participants, who write at s, and only then land.
//   - What is not decided is aborted, if the coordinator dies. Whoever asks about a transaction that the coordinator does not know is told
//     "aborted". Whoever is told that, a client too, is told after it was recorded, so that a late copy of the request cannot commit it after all.
//   - A participant that has carried a decision out does not vote for that transaction again.
//   - A participant that restarts has its votes in flight and their locks held before it serves, and asks until it is told.
package shard

import (
	"errors"
	"time"
)

// Config is what the driver tells a shard.
type Config struct {
	Number      int
	Addresses   []string // of all shards, by number
	TimeServers []string
	Dir         string
	ClockZero   int64 // where the local clock begins
	ClockPPB    int64 // by how much it runs wrong
	Break       Break // what is broken on purpose
}

// Break names a rule that is broken on purpose, so that the checks can be seen to fail; or a moment at which the process kills itself.
type Break string

// The rules that can be broken.
const (
	Nothing   Break = ""
	NoWait    Break = "no-wait"    // the client is told before the timestamp has passed
	Narrow    Break = "narrow"     // the clock claims a tenth of its uncertainty
	LandFirst Break = "land-first" // a participant lands before it has written
	LowStamp  Break = "low-stamp"  // the coordinator takes no notice of the votes
	AckFirst  Break = "ack-first"  // the client is told before the decision is durable

	DieVoted     Break = "die-voted"     // a participant dies after its vote is durable
	DieUndecided Break = "die-undecided" // a coordinator dies after all votes, before the decision
	DieDecided   Break = "die-decided"   // and after the decision is durable, before anybody is told
	DieTold      Break = "die-told"      // a participant dies when it knows the decision, before it has carried it out
)

// Mutants are the breaks that a check must find.
func Mutants() []Break { return []Break{NoWait, Narrow, LandFirst, LowStamp, AckFirst} }

// Limits of waiting. A shard may be down for longer: then transactions that need it are aborted, and those that it
// has voted for wait for it.
const (
	lockWait     = time.Second
	prepareWait  = 3 * time.Second
	transferWait = 10 * time.Second
	decideWait   = time.Second
	askAfter     = 200 * time.Millisecond
	askEvery     = 100 * time.Millisecond
)

// Limits of the clock. The window of the bound is how far a restart may have to begin ahead of its clock.
const (
	maxUncertainty = 100 * time.Millisecond
	maxLead        = time.Second
	boundWindow    = 100 * time.Millisecond
)

var errNotMine = errors.New("bank: the account is on another shard")
