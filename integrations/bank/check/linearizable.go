package check

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/trueclock/trueclock/hlc"
)

// access is an operation on one account: a read of who was there last, or a transaction that puts itself there.
type access struct {
	tx  int64 // 0: a read
	saw int64 // whom it found; anybody: that is not known
}

const anybody = -1

// register is an account, whose state is the last transaction: what a transaction has read is the one below it.
var register = porcupine.Model{
	Init: func() any { return int64(0) },
	Step: func(state, input, _ any) (bool, any) {
		a := input.(access)
		if a.saw != anybody && a.saw != state.(int64) {
			return false, state
		}
		if a.tx == 0 {
			return true, state
		}
		return true, a.tx
	},
	Equal:             func(a, b any) bool { return a == b },
	DescribeOperation: func(input, _ any) string { return fmt.Sprintf("%+v", input) },
}

// linearizable: each account is as if every operation on it had happened at one moment between its beginning and its end. One whose end
// nobody knows, and which the stores have kept, may have happened at any time after its beginning.
func linearizable(r Record, happened map[int64]hlc.Timestamp, patience time.Duration) (problems []Problem, undecided []string) {
	deadline := time.Now().Add(patience)
	for account := range r.Accounts {
		operations := accesses(r, happened, account)
		what := fmt.Sprintf("account %d, %d operations", account, len(operations))
		switch porcupine.CheckOperationsTimeout(register, operations, max(time.Millisecond, time.Until(deadline))) {
		case porcupine.Illegal:
			problems = append(problems, Problem{"linearizable", fmt.Sprintf("no order explains %s; the first that is not in the longest explanation:%s", what, unexplained(operations))})
		case porcupine.Unknown:
			undecided = append(undecided, what)
		}
		if len(problems) == limit {
			break // enough
		}
	}
	return problems, undecided
}

func accesses(r Record, happened map[int64]hlc.Timestamp, account int) (list []porcupine.Operation) {
	end := time.Duration(0)
	for _, t := range r.Transfers {
		end = max(end, t.Returned+1)
	}
	for _, s := range r.Snapshots {
		end = max(end, s.Returned+1)
		list = append(list, porcupine.Operation{ClientId: max(0, s.Client), Input: access{saw: s.Entries[account].Tx}, Call: int64(s.Invoked), Return: int64(s.Returned)})
	}
	for _, t := range r.Transfers {
		_, there := happened[t.Tx]
		if _, mine := t.Amounts[account]; !mine || t.State == Aborted || t.State == Unknown && !there {
			continue
		}
		op := porcupine.Operation{ClientId: max(0, t.Client), Input: access{tx: t.Tx, saw: t.Before[account].Tx}, Call: int64(t.Invoked), Return: int64(t.Returned)}
		if t.State == Unknown {
			op.Input, op.Return = access{tx: t.Tx, saw: anybody}, int64(end)
		}
		list = append(list, op)
	}
	return list
}

// unexplained shows the first operations that the longest explanation lacks.
func unexplained(operations []porcupine.Operation) (text string) {
	_, info := porcupine.CheckOperationsVerbose(register, operations, time.Second)
	explained := map[int]bool{}
	for _, partition := range info.PartialLinearizations() {
		for _, order := range partition {
			if len(order) > len(explained) {
				clear(explained)
				for _, i := range order {
					explained[i] = true
				}
			}
		}
	}
	var order []int
	for i := range operations {
		if !explained[i] {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(operations[a].Call, operations[b].Call) })
	for _, i := range order[:min(3, len(order))] {
		op := operations[i]
		text += fmt.Sprintf("\n  client %d  [%v, %v]  %+v", op.ClientId, time.Duration(op.Call), time.Duration(op.Return), op.Input)
	}
	return text
}
