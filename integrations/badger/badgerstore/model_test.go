package badgerstore

import (
	"fmt"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
)

// world is the whole store in the model: the values of a few keys, 0 if one is not there.
type world [3]int

// transaction is what one of a client was to do: to look at some keys, or scan them all, and to write some.
type transaction struct {
	looks  [len(world{})]bool
	scan   bool
	writes [len(world{})]int // 0: not; gone: delete
}

const gone = -1

// seen is what it was answered; only what it looked at counts.
type seen struct {
	world
	ts hlc.Timestamp
}

// happen is the transaction in one moment: whether it may be answered so, and what is then.
func (x transaction) happen(w world, answer world) (bool, world) {
	for i := range w {
		if (x.looks[i] || x.scan) && answer[i] != w[i] {
			return false, w
		}
	}
	for i, value := range x.writes {
		switch value {
		case 0:
		case gone:
			w[i] = 0
		default:
			w[i] = value
		}
	}
	return true, w
}

// model is what porcupine looks for: one order of whole transactions, in which each lies between its begin and its end.
var model = porcupine.Model{
	Init: func() any { return world{} },
	Step: func(state, input, output any) (bool, any) {
		ok, w := input.(transaction).happen(state.(world), output.(seen).world)
		return ok, w
	},
	Equal: func(a, b any) bool { return a == b },
	DescribeOperation: func(input, output any) string {
		return fmt.Sprintf("%+v -> %+v", input, output)
	},
}

// TestModel_CanSayNo to each of the ways in which transactions may go wrong, so that the test that uses it can fail.
func TestModel_CanSayNo(t *testing.T) {
	a, b, both := [3]bool{true}, [3]bool{false, true}, [3]bool{true, true}
	at := func(begin, end int64, x transaction, answer world) porcupine.Operation {
		return porcupine.Operation{ClientId: int(begin), Input: x, Call: begin, Output: seen{world: answer}, Return: end}
	}
	for name, c := range map[string]struct {
		want    porcupine.CheckResult
		history []porcupine.Operation
	}{
		"one after the other": {porcupine.Ok, []porcupine.Operation{
			at(0, 1, transaction{writes: [3]int{1}}, world{}), at(2, 3, transaction{looks: a}, world{1}),
		}},
		"a stale read": {porcupine.Illegal, []porcupine.Operation{
			at(0, 1, transaction{writes: [3]int{1}}, world{}), at(2, 3, transaction{looks: a}, world{}),
		}},
		"a lost update": {porcupine.Illegal, []porcupine.Operation{
			at(0, 5, transaction{looks: a, writes: [3]int{1}}, world{}), at(1, 4, transaction{looks: a, writes: [3]int{2}}, world{}),
		}},
		"write skew": {porcupine.Illegal, []porcupine.Operation{
			at(0, 5, transaction{looks: a, writes: [3]int{0, 1}}, world{}), at(1, 4, transaction{looks: b, writes: [3]int{2}}, world{}),
		}},
		"a phantom": {porcupine.Illegal, []porcupine.Operation{
			at(0, 5, transaction{scan: true, writes: [3]int{0, 1}}, world{}), at(1, 4, transaction{scan: true, writes: [3]int{2}}, world{}),
		}},
		"a torn read": {porcupine.Illegal, []porcupine.Operation{
			at(0, 5, transaction{writes: [3]int{1, 1}}, world{}), at(1, 4, transaction{looks: both}, world{1, 0}),
		}},
		"a deleted key seen": {porcupine.Illegal, []porcupine.Operation{
			at(0, 1, transaction{writes: [3]int{1}}, world{}), at(2, 3, transaction{writes: [3]int{gone}}, world{}), at(4, 5, transaction{looks: a}, world{1}),
		}},
	} {
		require.Equal(t, c.want, porcupine.CheckOperationsTimeout(model, c.history, time.Minute), name)
	}
}
