package hlc

import (
	"fmt"
	"iter"
	"math"
)

// Batch is timestamps that follow each other directly: First, and those with the next
// higher logical parts.
type Batch struct {
	First Timestamp
	Len   int
}

// At returns the i-th timestamp, for i from 0 to Len − 1, and else the zero one.
func (b Batch) At(i int) Timestamp {
	if i < 0 || i >= b.Len {
		return Timestamp{}
	}
	return Timestamp{b.First.WallTime, b.First.Logical + uint32(i)}
}

// Last returns the highest timestamp, or the zero one of an empty batch.
func (b Batch) Last() Timestamp { return b.At(b.Len - 1) }

// All returns the timestamps in their order.
func (b Batch) All() iter.Seq[Timestamp] {
	return func(yield func(Timestamp) bool) {
		for i := range b.Len {
			if !yield(b.At(i)) {
				return
			}
		}
	}
}

// BatchError reports a size of a batch that is not from 1 to Max.
type BatchError struct {
	Want int
	Max  int // MaxLogical + 1 of the clock
}

func (e *BatchError) Error() string {
	return fmt.Sprintf("hlc: a batch of %d timestamps: it must be 1 to %d (Options.MaxLogical + 1)", e.Want, e.Max)
}

// NowN stamps n local events at once, at little more than the cost of one. Everything that
// Now says holds for each of them; nobody else gets one in between. Errors: [*BatchError],
// [ErrExhausted].
func (c *Clock) NowN(n int) (Batch, error) {
	if n < 1 || uint64(n) > uint64(c.maxLogical)+1 {
		return Batch{}, &BatchError{Want: n, Max: int(min(uint64(c.maxLogical)+1, math.MaxInt))}
	}
	pt := c.issuable(c.physical())
	c.slow.Lock()
	defer c.slow.Unlock()
	for {
		s := c.state.Load()
		first, ok := c.batch(c.known(s), pt, uint32(n-1))
		if !ok {
			return Batch{}, ErrExhausted
		}
		b := Batch{First: first, Len: n}
		if c.replace(s, b.Last()) {
			c.counts.issued(first, pt)
			c.counts.highest = max(c.counts.highest, b.Last().Logical)
			return b, nil
		}
	}
}
