//go:build !linux

package fleet

import "time"

// coarse: the timers of the runtime are as good as anything.
const coarse = 0

func pauseUntil(time.Time) {}
