package demo

import (
	"context"
	"errors"
	"fmt"

	"github.com/trueclock/trueclock/hlc"
)

// register is a store that keeps the write with the highest timestamp.
type register struct {
	ts    hlc.Timestamp
	value int
}

func (r *register) write(ts hlc.Timestamp, value int) {
	if ts.After(r.ts) {
		*r = register{ts, value}
	}
}

// lastWriteWins is the textbook's case (Designing Data-Intensive Applications,
// chapter 8). Node 1 writes x = 1 when its clock says 42.004. The write reaches
// node 3, whose clock is behind; a client there increments x, and the clock says 42.003.
func lastWriteWins(_ context.Context, s *stage) error {
	const node1, node3 = int64(42_004e6), int64(42_003e6)
	var byWall, byHLC register

	byWall.write(hlc.Timestamp{WallTime: node1}, 1)
	byWall.write(hlc.Timestamp{WallTime: node3}, 2)
	if byWall.value != 1 {
		return errors.New("the wall clock should have lost the increment")
	}
	s.say("   wall clock    x = 1 at 42.004, then x + 1 at 42.003: the store keeps x = %d, the increment is lost", byWall.value)

	a, err := hlc.New(hlc.Options{Physical: func() int64 { return node1 }})
	if err != nil {
		return err
	}
	b, err := hlc.New(hlc.Options{Physical: func() int64 { return node3 }})
	if err != nil {
		return err
	}
	first := a.Now()
	second, err := b.Update(first) // the write arrives at node 3
	if err != nil {
		return err
	}
	byHLC.write(first, 1)
	byHLC.write(second, 2)
	if byHLC.value != 2 {
		return fmt.Errorf("stamped %v and %v, the store keeps x = %d", first, second, byHLC.value)
	}
	s.say("   hybrid clock  x = 1 at %v, then x + 1 at %v: the store keeps x = %d", first, second, byHLC.value)
	return nil
}
