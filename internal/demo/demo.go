// Package demo is the story that `clockctl demo` tells: lessons that state a
// claim, measure it on an embedded fleet over real UDP, and judge it. A lesson
// about something that goes wrong fails when it does not go wrong.
//
// The lessons about commits stage it first, with clocks at the two ends of what they admit and one step after the
// other, and then leave it to chance beside that.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"

	"github.com/trueclock/trueclock/ntpprobe"
)

// Options says how the story is told.
type Options struct {
	Out  io.Writer
	Seed uint64 // of delays, losses, and what clients do
	HTML string // a directory for pictures; empty: none are drawn
	// Child starts this program again as a process that calls the function [Child] with these arguments and ends with ctx.
	Child func(ctx context.Context, args ...string) *exec.Cmd
	// ShowReport prints a measurement as the probe command does.
	ShowReport func(io.Writer, ntpprobe.Report) error
}

// Lesson is one claim and the code that tests it.
type Lesson struct {
	Name  string
	Claim string
	run   func(ctx context.Context, s *stage) error
}

// Lessons returns all lessons in the order of the story.
func Lessons() []Lesson {
	return []Lesson{
		{"uncertainty", "The time is an interval, and it contains the true time, however slow and lossy the network.", uncertainty},
		{"liar", "Of five servers two may lie: one and two liars are named, three and four that disagree are refused, three that agree are not seen by a vote.", liar},
		{"deepest-overlap", "Where the most servers agree is not where the truth is: the deepest overlap misses it, the hull of enough servers does not.", deepestOverlap},
		{"leap", "Servers that smear a leap second and servers that do not are never mixed.", leap},
		{"lww", "Last-write-wins by wall clock loses the later write; by hybrid logical clock it keeps it.", lastWriteWins},
		{"backstep", "A clock that is set back repeats identifiers; a hybrid clock counts on, and follows the time when it has come back.", backstep},
		{"poison", "A peer whose clock is 8 h fast takes those along who believe everything; a limit refuses it, and there is a way back.", poison},
		{"restart", "A clock that is killed again and again and whose wall clock goes back still never repeats a timestamp, with its bound on the disk.", restart},
		{"commitwait", "Timestamps follow the order in real time if each commit waits out its own, and not otherwise.", commitWait},
		{"causal-reverse", "Nobody sees a transaction without what was acknowledged before it began, if commits wait, and not otherwise.", causalReverse},
		{"snapshot", "The total of a bank at one timestamp is right, and stays so, if readers wait for the safe time, and not otherwise.", snapshot},
		{"uncertain-read", "Readers that begin again within their uncertainty see every acknowledged write too, and then no writer waits.", uncertainRead},
		{"lease", "No check of a lease helps a process that is stopped after it; a token that the storage looks at does.", leases},
		{"fencing", "A storage that has seen token 34 refuses 33, and must not forget that when it is killed.", fences},
		{"pause", "A process that was stopped notices it afterwards, and tells it from a suspend and from a clock that was set.", pauses},
		{"phi", "The same silence means more of a peer that was regular; one that is stopped is suspected, and one whose port refuses at once.", accrual},
		{"evict", "The node whose clock is out is evicted by the majority; of the one that is cut off nothing is known.", evict},
	}
}

// FailedError names the lesson whose claim did not hold.
type FailedError struct {
	Lesson string
	Err    error
}

func (e *FailedError) Error() string {
	return fmt.Sprintf("lesson %s failed: %v", e.Lesson, e.Err)
}

// Unwrap returns what did not hold.
func (e *FailedError) Unwrap() error { return e.Err }

// longest is how long a lesson may take, on a machine that is busy with something else.
const longest = time.Minute

func (l Lesson) tell(ctx context.Context, s *stage) error {
	ctx, cancel := context.WithTimeoutCause(ctx, longest, fmt.Errorf("it took longer than %v", longest))
	defer cancel()
	return l.run(ctx, s)
}

// Run tells the lessons one after another and stops at the first that fails,
// with a [*FailedError], and at once if nobody hears it any more, with the error of Options.Out. Everything it
// starts has ended when it returns. If ctx ends first, that is the error.
func Run(ctx context.Context, o Options, lessons []Lesson) error {
	s, err := newStage(o)
	if err != nil {
		return err
	}
	defer s.close()
	ctx, s.unheard = context.WithCancelCause(ctx)
	defer s.unheard(nil)
	s.say("An embedded fleet on loopback, seed %d. Its true time is %v ahead of this machine's clock.", o.Seed, ahead)
	s.say("Three honest servers behind relays with delay, asymmetry, jitter and loss; one that lies by +%v.", lie)
	for i, lesson := range lessons {
		s.say("\n%d. %s\n   %s\n", i+1, lesson.Name, lesson.Claim)
		switch err := lesson.tell(ctx, s); {
		case s.sayErr != nil:
			return s.sayErr
		case err != nil && ctx.Err() != nil: // it did not fail
			return context.Cause(ctx)
		case errors.Is(err, errNoSignals):
			s.say("   - left out: %v", err)
			continue
		case err != nil:
			return &FailedError{Lesson: lesson.Name, Err: err}
		}
		s.say("   ✓ it held")
	}
	if o.HTML != "" && len(s.pictures) == 0 {
		s.say("\nNo picture was drawn: only the lesson commitwait has some.")
	}
	return s.sayErr
}
