package check

import (
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
func linearizable(r Record, happened map[int64]hlc.Timestamp) (problems []Problem, undecided []string) {
	for account := range r.Accounts {
		operations := accesses(r, happened, account)
		switch porcupine.CheckOperationsTimeout(register, operations, patience) {
		case porcupine.Illegal:
			problems = append(problems, Problem{"linearizable", fmt.Sprintf("account %d is not: no order of its %d operations explains them\n%s",
				account, len(operations), unexplained(operations))})
		case porcupine.Unknown:
			undecided = append(undecided, fmt.Sprintf("account %d, %d operations", account, len(operations)))
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

// unexplained shows where the longest explanation ends: the operations about the first that it lacks.
func unexplained(operations []porcupine.Operation) string {
	_, info := porcupine.CheckOperationsVerbose(register, operations, patience)
	var longest []int
	for _, partition := range info.PartialLinearizations() {
		for _, p := range partition {
			if len(p) > len(longest) {
				longest = p
			}
		}
	}
	sorted := slices.Clone(operations)
	slices.SortFunc(sorted, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	text, shown := "", 0
	for i, op := range operations {
		if !slices.Contains(longest, i) && shown < 3 {
			shown++
			text += fmt.Sprintf("  %v  [%v, %v]  %+v\n", op.ClientId, time.Duration(op.Call), time.Duration(op.Return), op.Input)
		}
	}
	return text
}
