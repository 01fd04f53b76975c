// Package durabletest has a disk for tests, which may lose whatever was not synced.
package durabletest

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"

	"github.com/trueclock/trueclock/internal/durable"
)

// Disk is a [durable.Directory] that may lose whatever was not synced. The exported fields
// are for a test that is alone with it.
type Disk struct {
	Fault  func(call int, op string) Fault // consulted at each call; nil: none
	Calls  int
	Locked bool
	Names  map[string]*Inode // the files as the process sees them

	mu      sync.Mutex
	dead    bool              // after a crash nothing answers
	durable map[string]*Inode // as of the last sync of the directory
	pending []naming          // not on the disk yet, in order
}

// Inode is what a name stands for.
type Inode struct {
	Now    []byte
	synced []byte // as of its last sync
	clean  bool   // now is synced
}

type naming struct {
	name, from string // from "" creates, else renames
	node       *Inode
}

// Fault is what happens at one call.
type Fault struct {
	Err    error  // returned
	Effect bool   // and yet it took place
	Drop   bool   // changes of names up to here are seen, and never reach the disk
	Crash  bool   // the machine stops: before the call, or after its effect
	Slow   func() // called first
}

// ErrCrashed is all that a stopped machine returns.
var ErrCrashed = errors.New("the machine has stopped")

// New returns an empty one.
func New() *Disk {
	return &Disk{Names: map[string]*Inode{}, durable: map[string]*Inode{}}
}

// do runs a call with the fault that belongs to it.
func (m *Disk) do(op string, act func()) error {
	m.mu.Lock()
	m.Calls++
	var f Fault
	if m.Fault != nil {
		f = m.Fault(m.Calls, op)
	}
	m.mu.Unlock()
	if f.Slow != nil {
		f.Slow()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return ErrCrashed
	}
	if f.Crash {
		m.dead, f.Err = true, ErrCrashed
	}
	if f.Err == nil || f.Effect {
		act()
	}
	if f.Drop {
		m.pending = nil
	}
	return f.Err
}

// Lock: a process that could not lock holds no lock, whatever failed.
func (m *Disk) Lock() error {
	taken := false
	err := m.do("lock", func() { taken, m.Locked = m.Locked, true })
	if err != nil && !taken {
		_ = m.Unlock()
	}
	if err == nil && taken {
		return durable.ErrLocked
	}
	return err
}

func (m *Disk) Unlock() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Locked = false
	return nil
}

func (m *Disk) Read(name string, _ int) (b []byte, err error) {
	if fault := m.do("read", func() {
		if node := m.Names[name]; node != nil {
			b = slices.Clone(node.Now)
		} else {
			err = fs.ErrNotExist
		}
	}); fault != nil {
		return nil, fault
	}
	return b, err
}

func (m *Disk) Create(name string) (durable.File, error) {
	node := &Inode{}
	err := m.do("create", func() {
		m.Names[name] = node
		m.pending = append(m.pending, naming{name: name, node: node})
	})
	return &file{m, node}, err
}

func (m *Disk) Rename(from, to string) error {
	return m.do("rename", func() {
		m.Names[to] = m.Names[from]
		delete(m.Names, from)
		m.pending = append(m.pending, naming{name: to, from: from, node: m.Names[to]})
	})
}

func (m *Disk) Sync() error {
	return m.do("syncdir", func() {
		for _, change := range m.pending {
			change.apply(m.durable)
		}
		m.pending = nil
	})
}

func (c naming) apply(names map[string]*Inode) {
	delete(names, c.from)
	names[c.name] = c.node
}

type file struct {
	m    *Disk
	node *Inode
}

func (f *file) Write(b []byte) (int, error) {
	err := f.m.do("write", func() { f.node.Now, f.node.clean = append(f.node.Now, b...), false })
	return len(b), err
}

func (f *file) Sync() error {
	return f.m.do("sync", func() { f.node.synced, f.node.clean = slices.Clone(f.node.Now), true })
}

func (f *file) Close() error { return f.m.do("close", func() {}) }

// Crash returns the disk as the next start finds it. Without a random source it
// forgets all that it may forget. With one, each change of a name since the last sync took
// place or did not, and of each file's unsynced bytes whatever sectors it
// likes are there, zero, or missing.
func (m *Disk) Crash(r *rand.Rand) *Disk {
	m.mu.Lock()
	defer m.mu.Unlock()
	after := New()
	names := maps.Clone(m.durable)
	if r != nil {
		for _, change := range m.pending {
			if r.IntN(2) == 0 {
				continue
			}
			change.apply(names)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		content := names[name].remains(r)
		node := &Inode{Now: content, synced: content, clean: true}
		after.Names[name], after.durable[name] = node, node
	}
	return after
}

const sector = 512

// remains is what a crash leaves of a file.
func (n *Inode) remains(r *rand.Rand) []byte {
	if n.clean || r == nil {
		return slices.Clone(n.synced)
	}
	switch r.IntN(4) {
	case 0:
		return slices.Clone(n.synced)
	case 1:
		return slices.Clone(n.Now)
	case 2: // the length is there, the sectors are not all
		torn := slices.Clone(n.Now)
		for i := 0; i < len(torn); i += sector {
			if r.IntN(2) == 0 {
				copy(torn[i:min(i+sector, len(torn))], bytes.Repeat([]byte{0}, sector))
			}
		}
		return torn
	}
	return slices.Clone(n.Now[:r.IntN(len(n.Now)+1)]) // cut off
}

// What a broken and a full disk return.
var (
	ErrIO      = &fs.PathError{Op: "fsync", Path: "bound", Err: syscall.EIO}
	ErrNoSpace = &fs.PathError{Op: "write", Path: "bound", Err: syscall.ENOSPC}
)

// Settled: every change of a name is on the disk.
func (m *Disk) Settled() bool { return len(m.pending) == 0 }
