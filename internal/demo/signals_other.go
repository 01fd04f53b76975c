//go:build !unix

package demo

// stop cannot make a process stand still here.
func (p *process) stop() error { return errNoSignals }

func (p *process) resume() error { return errNoSignals }
