package durabletest

import (
	"fmt"
	"testing"
	"testing/synctest"
)

// EveryCall runs a story with each kind of fault at the first call to the disk, at the second, and so on
// until the story has no such call; for each seed, in virtual time. It returns how many runs that were. The story reports
// whether it met the call.
func EveryCall(t *testing.T, seeds int, story func(t *testing.T, name string, seed uint64, call int, f Fault) (met bool)) (runs int) {
	t.Helper()
	faults := map[string]Fault{
		"stops before": {Crash: true}, "stops after": {Crash: true, Effect: true},
		"EIO": {Err: ErrIO}, "EIO after all": {Err: ErrIO, Effect: true},
		"EIO, names dropped": {Err: ErrIO, Drop: true}, "ENOSPC": {Err: ErrNoSpace},
	}
	for seed := range uint64(seeds) {
		for kind, f := range faults {
			for call, met := 1, true; met; call++ {
				synctest.Test(t, func(t *testing.T) {
					runs++
					met = story(t, fmt.Sprintf("seed %d, %s call %d", seed, kind, call), seed, call, f)
				})
			}
		}
	}
	t.Log(runs, "runs")
	return runs
}
