package check

import (
	"fmt"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/integrations/bank/wire"
)

// place is one version of an account in the stores, and the one below.
type place struct {
	ts          hlc.Timestamp
	entry, prev wire.Entry
}

// kept compares what clients were told with what is in the stores at the end: what was acknowledged is there, at
// its timestamp, in all its accounts, above just what it has read; what was aborted is nowhere; and what nobody knows of is
// in all its accounts or in none.
func kept(r Record) (problems []Problem) {
	report := func(format string, args ...any) {
		problems = append(problems, Problem{"kept", fmt.Sprintf(format, args...)})
	}
	places := map[int64]map[int]place{} // by transaction and account
	for account, versions := range r.Kept {
		prev := wire.Version{}
		for _, v := range versions {
			if places[v.Entry.Tx] == nil {
				places[v.Entry.Tx] = map[int]place{}
			}
			if old, twice := places[v.Entry.Tx][account]; twice {
				report("transaction %d is on account %d at %v and at %v", v.Entry.Tx, account, old.ts, v.TS)
			}
			places[v.Entry.Tx][account] = place{v.TS, v.Entry, prev.Entry}
			prev = v
		}
	}
	for _, t := range r.Transfers {
		for _, why := range compare(t, places[t.Tx]) {
			report("transaction %d %s", t.Tx, why)
		}
		delete(places, t.Tx)
	}
	for tx := range places {
		report("transaction %d was never asked for", tx)
	}
	return problems
}

// compare says what is wrong with a transaction in the stores.
func compare(t Transfer, at map[int]place) (wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	switch {
	case t.State == Aborted && len(at) > 0:
		say("was aborted, and is on %d accounts", len(at))
		return wrong
	case t.State == Aborted || t.State == Unknown && len(at) == 0:
		return nil
	}
	ts := t.TS
	for account, amount := range t.Amounts {
		p, ok := at[account]
		if t.State == Unknown && ts.IsZero() {
			ts = p.ts
		}
		switch {
		case !ok:
			say("is not on account %d, of %v", account, t.Amounts)
		case p.ts != ts:
			say("is on account %d at %v instead of %v", account, p.ts, ts)
		case p.entry.Balance != p.prev.Balance+amount:
			say("has put %d on account %d, and made %d of %d", amount, account, p.entry.Balance, p.prev.Balance)
		case t.State == Committed && t.Before != nil && t.Before[account] != p.prev:
			say("has read %+v on account %d, where %+v was", t.Before[account], account, p.prev)
		}
	}
	return wrong
}
