//go:build !linux

package truetime

// systemAlarms is not called: no local clock says that it is the system's.
func systemAlarms() *alarms { return nil }
