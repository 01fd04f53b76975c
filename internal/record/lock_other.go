//go:build !unix || solaris || illumos || aix

package record

import "os"

// lock does nothing: two recorders of one file are the user's mistake.
func lock(*os.File) error { return nil }

// move closes the file first: Windows does not rename an open one.
func move(f *os.File, from, to string) error {
	_ = f.Close() // it was synced
	return os.Rename(from, to)
}
