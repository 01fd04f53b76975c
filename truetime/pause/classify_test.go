package pause

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const ms = time.Millisecond

var usualLimits = limits{period: 100 * ms, pause: 50 * ms}

// scene is what happened between two readings, as the accounts have it.
type scene struct {
	gap    time.Duration // between the two readings, by MONOTONIC
	window time.Duration // since the accounts were read; 0: the same
	cpu    time.Duration
	gc     time.Duration
	waited time.Duration // by the monitor's thread
	moved  bool          // it runs on another one now
	accounts
	usual usual
	none  bool // no accounts
	wants Kind // "": no pause
}

// list names accounts by their place.
func list(d ...time.Duration) account {
	a := account{}
	for i, d := range d {
		a[fmt.Sprint(i)] = d
	}
	return a
}

// TestClassify_Scenes: each row is a period of 100 ms at the end of which the monitor is late, or
// not, and what explains it.
func TestClassify_Scenes(t *testing.T) {
	for name, s := range map[string]scene{
		"nothing: the timer is a little late":                         {gap: 101 * ms},
		"nothing: late by just less than the limit":                   {gap: 149*ms + 999999},
		"the clock went back, so nothing is known":                    {gap: -time.Second},
		"late by the limit, and idle":                                 {gap: 150 * ms, wants: Stopped},
		"SIGSTOP for 500 ms":                                          {gap: 600 * ms, cpu: ms, wants: Stopped},
		"SIGSTOP for an hour":                                         {gap: time.Hour, cpu: ms, wants: Stopped},
		"SIGSTOP, where there are no accounts":                        {gap: 600 * ms, cpu: ms, none: true, wants: Stopped},
		"SIGSTOP of a process that was busy on two CPUs before":       {gap: 300 * ms, cpu: 200 * ms, usual: usual{cpu: 2}, wants: Stopped},
		"SIGSTOP in a GC pause: GC ran as long, but no CPU was used":  {gap: 600 * ms, cpu: 2 * ms, gc: 500 * ms, wants: Stopped},
		"SIGSTOP where a tenth of each CPU is always stolen":          {gap: 600 * ms, window: 1500 * ms, accounts: accounts{stolen: list(100*ms, 100*ms)}, usual: usual{stolen: 0.1}, wants: Stopped},
		"SIGSTOP where half of the time is always throttled":          {gap: 600 * ms, window: 1500 * ms, accounts: accounts{throttled: list(500 * ms)}, usual: usual{throttled: 0.5}, wants: Stopped},
		"SIGSTOP of a process that had waited for a CPU before":       {gap: 600 * ms, waited: 100 * ms, wants: Stopped},
		"a GC pause of 500 ms":                                        {gap: 600 * ms, cpu: 500 * ms, gc: 480 * ms, wants: GC},
		"a GC pause of 500 ms, where there are no accounts":           {gap: 600 * ms, cpu: 500 * ms, gc: 480 * ms, none: true, wants: GC},
		"a GC pause of 500 ms of a process that is busy anyway":       {gap: 600 * ms, cpu: 700 * ms, gc: 480 * ms, usual: usual{cpu: 2}, wants: GC},
		"SIGSTOP in a GC pause of a process that is busy anyway":      {gap: 400 * ms, cpu: 200 * ms, gc: 300 * ms, usual: usual{cpu: 2}, wants: Stopped},
		"a GC pause too short to explain it: other goroutines ran":    {gap: 600 * ms, cpu: 900 * ms, gc: 20 * ms, wants: Held},
		"a loop that lets nobody else run":                            {gap: 600 * ms, cpu: 550 * ms, wants: Held},
		"throttled by the cgroup":                                     {gap: 600 * ms, cpu: 80 * ms, accounts: accounts{throttled: list(480*ms, 0)}, wants: Throttled},
		"throttled by the cgroup above":                               {gap: 600 * ms, cpu: 80 * ms, accounts: accounts{throttled: list(0, 480*ms)}, wants: Throttled},
		"throttled with many threads that use much CPU in their part": {gap: 600 * ms, cpu: 900 * ms, accounts: accounts{throttled: list(400 * ms)}, wants: Throttled},
		"throttled after a second of calm":                            {gap: 400 * ms, window: 1400 * ms, cpu: 50 * ms, accounts: accounts{throttled: list(300 * ms)}, wants: Throttled},
		"stolen by the hypervisor from one CPU of two":                {gap: 600 * ms, accounts: accounts{stolen: list(0, 490*ms)}, wants: Stolen},
		"stolen, while the kernel counts the time as used":            {gap: 600 * ms, cpu: 500 * ms, accounts: accounts{stolen: list(490 * ms)}, wants: Stolen},
		"a little stolen from both, which together would be enough":   {gap: 600 * ms, accounts: accounts{stolen: list(200*ms, 200*ms)}, wants: Stopped},
		"others had the CPUs":                                         {gap: 600 * ms, cpu: 10 * ms, waited: 500 * ms, wants: Starved},
		"others had the CPUs, or so another thread says":              {gap: 600 * ms, cpu: 10 * ms, waited: 500 * ms, moved: true, wants: Stopped},
		"others had the CPUs for most of the time":                    {gap: 600 * ms, cpu: 10 * ms, waited: 440 * ms, wants: Stopped},
		"SIGSTOP, and its thread's number is another one's now":       {gap: 600 * ms, waited: -time.Second, wants: Stopped},
		"a CPU was added meanwhile":                                   {gap: 600 * ms, accounts: accounts{stolen: list(490 * ms)}, wants: Stolen},
	} {
		before := reading{mono: 5e12, thread: 1, waited: time.Minute, cpu: time.Hour, gc: time.Second}
		since := before
		if s.window != 0 {
			since.mono = before.mono + int64(s.gap) - int64(s.window)
		}
		after := reading{mono: before.mono + int64(s.gap), thread: before.thread, waited: before.waited + s.waited, cpu: before.cpu + s.cpu, gc: before.gc + s.gc}
		if s.moved {
			after.thread = 2
		}
		if !s.none {
			since.accounts = &accounts{throttled: list(0, 0), stolen: list(0, 0, 0)}
			after.accounts = &s.accounts
		}
		findings := classify(since, before, after, s.usual, usualLimits)
		if s.wants == "" {
			require.Empty(t, findings, name)
			continue
		}
		require.Len(t, findings, 1, name)
		f := findings[0]
		require.Equal(t, s.wants, f.Kind, "%s: %+v", name, f.Evidence)
		require.Equal(t, s.gap-100*ms, f.Least, name)
		require.Equal(t, s.gap, f.Most, name)
		require.True(t, f.Kind.StoodStill())
		require.GreaterOrEqual(t, f.Evidence.Waited, time.Duration(0), name)
	}
}

// TestFinding_SaysWhatItIs: for people.
func TestFinding_SaysWhatItIs(t *testing.T) {
	for wants, f := range map[string]Finding{
		"stopped for 550ms ± 50ms":  {Kind: Stopped, Least: 500 * ms, Most: 600 * ms},
		"suspended for 10s ± 10µs":  {Kind: Suspended, Least: 10*time.Second - 10_000, Most: 10*time.Second + 10_000},
		"stepped by -1h0m0s ± 0s":   {Kind: Stepped, Least: -time.Hour, Most: -time.Hour},
		"slewing at +500 ppm":       {Kind: Slewing, Rate: 500e-6},
		"slewed by -2ms ± 20µs":     {Kind: Slewed, Least: -2*ms - 20_000, Most: -2*ms + 20_000},
		"throttled for 75ms ± 25ms": {Kind: Throttled, Least: 50 * ms, Most: 100 * ms},
	} {
		require.Equal(t, wants, f.String())
		require.Equal(t, f.Kind != Stepped && f.Kind != Slewing && f.Kind != Slewed, f.Kind.StoodStill())
	}
}
