// Package pause notices that this process or this machine stood still, or that somebody moved
// its clock, and says which.
//
// A program cannot tell that it was stopped between two of its instructions. Afterwards the
// clocks tell. A goroutine sleeps for a period and reads them, and what happened in between
// shows in what they counted:
//
//	                     MONOTONIC   BOOTTIME−MONOTONIC   REALTIME−BOOTTIME   MONOTONIC−RAW
//	a pause              late        –                    –                   –
//	a suspend            –           jumps                –                   –
//	a step of the wall   –           –                    jumps               –
//	a slew               –           –                    –                   changes its rate
//
// The last three are judged by the core of `clockctl clocks` (internal/clocks). Timers go by
// MONOTONIC; if one is late by more than a limit, then the accounts of that time tell why: those of the cgroup
// (throttled), of the hypervisor (steal), of this process (CPU used), of the Go runtime (GC
// pauses) and of the scheduler (runnable and not run). What explains half of the pause is its
// cause, waiting for a CPU if it explains nearly all; if nothing does, the process was stopped:
// SIGSTOP, the freezer, a debugger, a page that a disk was slow to give, or a hypervisor that stopped
// the machine and kept no account.
//
// What happened outside of the pause is in the accounts too. It is taken off at the rate at which
// they grew before, so a machine that always loses a tenth to others is not blamed for a SIGSTOP.
// That is too much if the pause began early in a period: what was Held is then told as Stopped. And
// it is too little if the process began to work just before it was stopped: that is told as Held.
//
// A pause that lasts at least [Options.Period] and [Options.Pause] together is always told, a
// shorter one if it happens to end late in a period. Its length is known to a period: it began
// somewhere in one. It is told as soon as the process has a CPU again, as the timer is overdue:
// within a millisecond where one is free, and within some tens where many want them.
//
// HAZARD: a hypervisor that stops the machine and its clocks leaves nothing behind to tell.
//
// HAZARD: this tells of a pause after its end, and the rest of the program runs on at the same
// moment: it may use a lease that expired meanwhile before it hears of it. Callbacks shed load
// and drop what is lost; safety needs a check at the use, and a fencing token where it arrives.
//
// Elsewhere than on Linux there are fewer clocks and no accounts: a pause is told as Stopped,
// Held or GC, a suspend as a step or a pause, and a slew not at all.
package pause
