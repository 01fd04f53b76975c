package terminal

import (
	"errors"
	"os"
)

// guard is nothing here: the user resets the console after a crash.
type guard struct{}

const taking, taken, given = 1, 2, 3

func startGuard(_, _ *os.File) (*guard, error) { return nil, errors.ErrUnsupported }

func (*guard) tell(byte) {}
func (*guard) end()      {}

// Guard returns false: there are no guards here.
func Guard() bool { return false }
