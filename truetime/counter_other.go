//go:build !(linux && (amd64 || arm64))

package truetime

import "runtime"

func counter() int64 { return 0 }

func trustCounter(LocalClock) error {
	return &NoCounterError{"Linux on amd64 or arm64 (this is " + runtime.GOOS + " on " + runtime.GOARCH + ")"}
}
