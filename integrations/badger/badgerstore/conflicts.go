package badgerstore

import (
	"slices"
	"strings"

	"github.com/trueclock/trueclock/hlc"
)

// conflicts is what was written lately, by which a transaction finds that what it read has changed. It knows no clock
// and no lock; timestamps come in rising order.
type conflicts struct {
	last      map[string]hlc.Timestamp // of each key that was written above forgotten
	commits   []commit                 // above forgotten, rising
	forgotten hlc.Timestamp            // what was written at or below it may not be known
	limit     int                      // of commits, before it is worth while to forget
}

type commit struct {
	ts   hlc.Timestamp
	keys []string
}

const leastCommits = 64

func newConflicts(forgotten hlc.Timestamp) conflicts {
	return conflicts{last: map[string]hlc.Timestamp{}, forgotten: forgotten, limit: leastCommits}
}

// check returns a *conflictError if one of the keys, or a key with one of the prefixes, was written after ts, and a *TooOldError
// if that is not known any more.
func (c *conflicts) check(ts hlc.Timestamp, keys map[string]bool, prefixes []string) error {
	if ts.Before(c.forgotten) {
		return &TooOldError{TS: ts, Oldest: c.forgotten}
	}
	var with hlc.Timestamp
	for key := range keys {
		with = latest(with, c.last[key])
	}
	for i := len(c.commits) - 1; i >= 0 && c.commits[i].ts.After(latest(ts, with)) && len(prefixes) > 0; i-- {
		if c.commits[i].within(prefixes) {
			with = c.commits[i].ts
		}
	}
	if with.After(ts) {
		return &conflictError{with}
	}
	return nil
}

// within reports whether a key of the commit has one of the prefixes.
func (c commit) within(prefixes []string) bool {
	return slices.ContainsFunc(c.keys, func(key string) bool {
		return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
	})
}

// add takes down what was written at ts.
func (c *conflicts) add(ts hlc.Timestamp, keys []string) {
	if len(keys) == 0 {
		return
	}
	c.commits = append(c.commits, commit{ts, keys})
	for _, key := range keys {
		c.last[key] = ts
	}
}

// full reports whether enough has come together for forget to be worth while: twice what it left last time.
func (c *conflicts) full() bool { return len(c.commits) >= c.limit }

// forget drops what was written at or below ts.
func (c *conflicts) forget(ts hlc.Timestamp) {
	n := 0
	for ; n < len(c.commits) && !c.commits[n].ts.After(ts); n++ {
		for _, key := range c.commits[n].keys {
			if c.last[key] == c.commits[n].ts {
				delete(c.last, key)
			}
		}
	}
	c.commits = slices.Delete(c.commits, 0, n)
	c.forgotten = latest(c.forgotten, ts)
	c.limit = max(leastCommits, 2*len(c.commits))
}

func latest(a, b hlc.Timestamp) hlc.Timestamp {
	if b.After(a) {
		return b
	}
	return a
}
