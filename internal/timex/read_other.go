//go:build !linux

package timex

// Read returns [ErrUnsupported].
func Read() (Kernel, error) { return Kernel{}, ErrUnsupported }
