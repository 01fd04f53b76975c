package durable

import "fmt"

// OpError says which call of a directory failed. What the disk holds is not known any more,
// and a second try would prove nothing: after a failed sync the system may drop the
// bytes and report success for the next one.
type OpError struct {
	Op  string // such as "sync"
	Err error
}

func (e *OpError) Error() string { return fmt.Sprintf("cannot %s the bound: %v", e.Op, e.Err) }

func (e *OpError) Unwrap() error { return e.Err }

// newSuffix ends the name of a file that is not yet what its name will say.
const newSuffix = ".new"

// Replace returns nil once the file holds the content whatever happens to the
// machine, and else an *OpError. The content is written beside the file, made durable, and
// renamed over it. It is opened anew each time: what a descriptor says after a failed
// sync is worth nothing.
func Replace(d Directory, name string, content []byte) error {
	f, err := d.Create(name + newSuffix)
	if err != nil {
		return &OpError{Op: "create", Err: err}
	}
	if _, err := f.Write(content); err != nil {
		_ = f.Close()
		return &OpError{Op: "write", Err: err}
	}
	if err := f.Sync(); err != nil {
		_ = f.Close()
		return &OpError{Op: "sync", Err: err}
	}
	if err := f.Close(); err != nil {
		return &OpError{Op: "close", Err: err}
	}
	if err := d.Rename(name+newSuffix, name); err != nil {
		return &OpError{Op: "rename", Err: err}
	}
	if err := d.Sync(); err != nil {
		return &OpError{Op: "sync the directory of", Err: err}
	}
	return nil
}
