package lamport

import (
	"cmp"
	"errors"
	"iter"
	"slices"
)

// MaxProcesses is the most processes that a [Vector] counts: a bound on what a
// stranger's vector can make us keep.
const MaxProcesses = 1024

// ErrTooManyProcesses: the vector would count more than [MaxProcesses].
var ErrTooManyProcesses = errors.New("lamport: a vector of too many processes")

// Order is how two vectors relate.
type Order int

const (
	Concurrent Order = iota // neither event can have influenced the other
	Before                  // the first can have influenced the second
	Equal                   // the same event
	After                   // the second can have influenced the first
)

// String returns "concurrent", "before", "equal" or "after".
func (o Order) String() string {
	switch o {
	case Before:
		return "before"
	case Equal:
		return "equal"
	case After:
		return "after"
	}
	return "concurrent"
}

// Vector is a vector clock: for each process the number of its events that are
// known. Unlike a Lamport number it tells concurrent events from ordered ones, at
// the price of an entry per process.
//
// It is an immutable value, the zero value the empty one: methods return another
// Vector and never change what anybody else holds, so it may be kept, sent and
// read by many goroutines. A process keeps its own in a variable:
//
//	v, err = v.Tick("a")             // a local event, or before sending v
//	v, err = v.Witness("a", received) // on receiving
//
// HAZARD: what a vector says of others is believed. One from somebody who invents counts or
// names makes events look ordered for everybody who hears of it, and nothing takes that
// back: take vectors only from those you trust.
//
// HAZARD: processes are told apart by their names alone. Two that share a name,
// or one that forgot its vector in a restart, make unrelated events look ordered.
//
// Source: Mattern, "Virtual Time and Global States of Distributed Systems", 1988;
// Fidge, "Timestamps in Message-Passing Systems That Preserve the Partial
// Ordering", 1988.
type Vector struct {
	counts []Stamp // sorted by process, each with 1 ≤ Time ≤ MaxTime; never written to again
}

// Of returns the number of known events of a process, 0 for an unknown one.
func (v Vector) Of(process string) uint64 {
	if i, found := v.find(process); found {
		return v.counts[i].Time
	}
	return 0
}

// Len returns the number of processes of which events are known.
func (v Vector) Len() int { return len(v.counts) }

// All iterates over the processes, in the order of their names, with their counts.
func (v Vector) All() iter.Seq2[string, uint64] {
	return func(yield func(string, uint64) bool) {
		for _, s := range v.counts {
			if !yield(s.Process, s.Time) {
				return
			}
		}
	}
}

// Tick returns v with one more event of process. It returns a [*NameError] for a
// name that the text form cannot carry, [ErrExhausted] after [MaxTime] events and
// [ErrTooManyProcesses].
func (v Vector) Tick(process string) (Vector, error) {
	i, found := v.find(process)
	if found {
		if v.counts[i].Time == MaxTime {
			return Vector{}, ErrExhausted
		}
		counts := slices.Clone(v.counts)
		counts[i].Time++
		return Vector{counts}, nil
	}
	if err := checkName(process); err != nil {
		return Vector{}, err
	}
	if len(v.counts) == MaxProcesses {
		return Vector{}, ErrTooManyProcesses
	}
	counts := make([]Stamp, 0, len(v.counts)+1)
	counts = append(append(append(counts, v.counts[:i]...), Stamp{1, process}), v.counts[i:]...)
	return Vector{counts}, nil
}

// Merge returns the least vector that is not before v or other: the higher count of each
// process. It returns [ErrTooManyProcesses].
func (v Vector) Merge(other Vector) (Vector, error) {
	counts := make([]Stamp, 0, max(len(v.counts), len(other.counts)))
	for a, b := range v.pairs(other) {
		if len(counts) == MaxProcesses {
			return Vector{}, ErrTooManyProcesses
		}
		counts = append(counts, Stamp{max(a.Time, b.Time), max(a.Process, b.Process)})
	}
	return Vector{counts}, nil
}

// Witness returns the vector after process, whose vector v is, has received a
// message that carries received: the merger of both with one more event of process.
//
// Nobody can know more events of a process than itself. If received says so, it
// is forged, or process has forgotten its vector: a [*TooFarError] with both counts.
// Other errors as in Tick.
func (v Vector) Witness(process string, received Vector) (Vector, error) {
	if theirs, own := received.Of(process), v.Of(process); theirs > own {
		return Vector{}, &TooFarError{Remote: theirs, Local: own}
	}
	merged, err := v.Merge(received)
	if err != nil {
		return Vector{}, err
	}
	return merged.Tick(process)
}

// Compare says whether the event of v is [Before] or [After] that of other,
// [Equal] or [Concurrent].
func (v Vector) Compare(other Vector) Order {
	var less, more bool
	for a, b := range v.pairs(other) {
		less = less || a.Time < b.Time
		more = more || a.Time > b.Time
	}
	switch {
	case less && more:
		return Concurrent
	case less:
		return Before
	case more:
		return After
	}
	return Equal
}

func (v Vector) find(process string) (int, bool) {
	return slices.BinarySearchFunc(v.counts, process, func(s Stamp, p string) int { return cmp.Compare(s.Process, p) })
}

// pairs walks both vectors in the order of names: what each counts of a process,
// the zero Stamp where it counts nothing.
func (v Vector) pairs(other Vector) iter.Seq2[Stamp, Stamp] {
	return func(yield func(Stamp, Stamp) bool) {
		a, b := v.counts, other.counts
		for len(a) > 0 || len(b) > 0 {
			var x, y Stamp
			switch {
			case len(b) == 0 || len(a) > 0 && a[0].Process < b[0].Process:
				x, a = a[0], a[1:]
			case len(a) == 0 || b[0].Process < a[0].Process:
				y, b = b[0], b[1:]
			default:
				x, y, a, b = a[0], b[0], a[1:], b[1:]
			}
			if !yield(x, y) {
				return
			}
		}
	}
}
