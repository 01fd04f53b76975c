package pause

import "time"

// reading is what is read each period. Durations count from some moment in the past.
type reading struct {
	mono     int64 // MONOTONIC, by which timers go
	wall     int64 // REALTIME
	cpu      time.Duration
	gc       time.Duration
	thread   int           // on which the monitor runs; 0: not known
	waited   time.Duration // that this thread has, for a CPU
	accounts *accounts     // nil: not read this time
}

// accounts are those of the kernel, which cost more to read. They come and go with cgroups and
// CPUs, so each has its name.
type accounts struct {
	throttled account // of each cgroup from ours up
	stolen    account // of each CPU
}

type account map[string]time.Duration

// limits are the thresholds of classify.
type limits struct {
	period time.Duration // that the monitor meant to sleep
	pause  time.Duration // the shortest one that counts
}

// late returns by how much more time passed between two readings than the monitor slept. That
// long, at least, it stood still. By RAW, which timers do not go by, each would be late in a slew.
func (l limits) late(before, after reading) time.Duration {
	return time.Duration(after.mono-before.mono) - l.period
}

// span is a stretch in which an account grew, and the rate at which it usually does.
type span struct {
	grew, lasted time.Duration
	rate         float64
}

// within is what of it falls into a pause, at the usual rate outside of it.
func (s span) within(pause time.Duration) time.Duration {
	outside := max(0, s.lasted-pause)
	return max(0, s.grew-time.Duration(s.rate*float64(outside)))
}

// classify says whether the process stood still between two readings, and why. past is what was
// usual before; since is the reading with the last accounts before after.
func classify(since, before, after reading, past usual, l limits) []Finding {
	least := l.late(before, after)
	if least < l.pause {
		return nil
	}
	gap, window := time.Duration(after.mono-before.mono), time.Duration(after.mono-since.mono)
	cpu := span{after.cpu - before.cpu, gap, past.cpu}
	evidence := Evidence{CPU: cpu.within(least), GC: after.gc - before.gc}
	if before.thread == after.thread {
		evidence.Waited = max(0, after.waited-before.waited) // its number may be that of a thread that ended
	}
	if grew, ok := growth(since.accounts, after.accounts); ok {
		evidence.Throttled = span{grew.throttled, window, past.throttled}.within(least)
		evidence.Stolen = span{grew.stolen, window, past.stolen}.within(least)
	}
	return []Finding{{
		Kind: cause(least, cpu.within(evidence.GC), evidence), Least: least, Most: gap, Within: gap,
		Wall: time.Unix(0, after.wall).UTC(), Evidence: evidence,
	}}
}

// cause names what explains half of a pause. collecting is the CPU time that was used while the
// runtime had stopped the goroutines.
//
// Throttling and steal come first: a process with many threads uses CPU time even while its CPUs
// are taken away, and the kernel may count what was stolen as used. A GC pause without CPU time is
// a process that was stopped in one. Waiting for a CPU comes after the process's own doing, as a
// busy process always waits a little; and since a thread may have waited before it was stopped, too,
// it must have waited for nearly all of the time.
func cause(least, collecting time.Duration, e Evidence) Kind {
	half := least / 2
	switch {
	case e.Throttled >= half:
		return Throttled
	case e.Stolen >= half:
		return Stolen
	case e.GC >= half && collecting >= e.GC/2:
		return GC
	case e.CPU >= half:
		return Held
	case e.Waited >= least-least/10:
		return Starved
	}
	return Stopped
}

// grown is by how much the accounts grew; of several CPUs or cgroups, the one that grew most. One
// that was not read both times is not known to have grown.
type grown struct{ throttled, stolen time.Duration }

func growth(before, after *accounts) (grown, bool) {
	if before == nil || after == nil {
		return grown{}, false
	}
	return grown{most(before.throttled, after.throttled), most(before.stolen, after.stolen)}, true
}

func most(before, after account) (d time.Duration) {
	for name, now := range after {
		if then, ok := before[name]; ok {
			d = max(d, now-then)
		}
	}
	return d
}
