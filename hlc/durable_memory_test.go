package hlc

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
)

// memory is a disk that may lose whatever was not synced. It counts the calls;
// the fault is consulted at each.
type memory struct {
	mu     sync.Mutex
	locked bool
	calls  int
	fault  func(call int, op string) fault // nil: none
	dead   bool                            // after a crash nothing answers

	names   map[string]*inode // as the process sees them
	durable map[string]*inode // as of the last sync of the directory
	pending []naming          // not on the disk yet, in order
}

type inode struct {
	now    []byte
	synced []byte // as of its last sync
	clean  bool   // now is synced
}

type naming struct {
	name, from string // from "" creates, else renames
	node       *inode
}

// fault is what happens at one call.
type fault struct {
	err    error  // returned
	effect bool   // and yet it took place
	drop   bool   // changes of names up to here are seen, and never reach the disk
	crash  bool   // the machine stops: before the call, or after its effect
	slow   func() // called first
}

var errCrashed = errors.New("the machine has stopped")

func newMemory() *memory {
	return &memory{names: map[string]*inode{}, durable: map[string]*inode{}}
}

// do runs a call with the fault that belongs to it.
func (m *memory) do(op string, act func()) error {
	m.mu.Lock()
	m.calls++
	var f fault
	if m.fault != nil {
		f = m.fault(m.calls, op)
	}
	m.mu.Unlock()
	if f.slow != nil {
		f.slow()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return errCrashed
	}
	if f.crash {
		m.dead, f.err = true, errCrashed
	}
	if f.err == nil || f.effect {
		act()
	}
	if f.drop {
		m.pending = nil
	}
	return f.err
}

// lock: a process that could not lock holds no lock, whatever failed.
func (m *memory) lock() error {
	taken := false
	err := m.do("lock", func() { taken, m.locked = m.locked, true })
	if err != nil && !taken {
		_ = m.unlock()
	}
	if err == nil && taken {
		return ErrLocked
	}
	return err
}

func (m *memory) unlock() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.locked = false
	return nil
}

func (m *memory) read(name string) (b []byte, err error) {
	if fault := m.do("read", func() {
		if node := m.names[name]; node != nil {
			b = slices.Clone(node.now)
		} else {
			err = fs.ErrNotExist
		}
	}); fault != nil {
		return nil, fault
	}
	return b, err
}

func (m *memory) create(name string) (writable, error) {
	node := &inode{}
	err := m.do("create", func() {
		m.names[name] = node
		m.pending = append(m.pending, naming{name: name, node: node})
	})
	return &memoryFile{m, node}, err
}

func (m *memory) rename(from, to string) error {
	return m.do("rename", func() {
		m.names[to] = m.names[from]
		delete(m.names, from)
		m.pending = append(m.pending, naming{name: to, from: from, node: m.names[to]})
	})
}

func (m *memory) sync() error {
	return m.do("syncdir", func() {
		for _, change := range m.pending {
			change.apply(m.durable)
		}
		m.pending = nil
	})
}

func (c naming) apply(names map[string]*inode) {
	delete(names, c.from)
	names[c.name] = c.node
}

type memoryFile struct {
	m    *memory
	node *inode
}

func (f *memoryFile) Write(b []byte) (int, error) {
	err := f.m.do("write", func() { f.node.now, f.node.clean = append(f.node.now, b...), false })
	return len(b), err
}

func (f *memoryFile) Sync() error {
	return f.m.do("sync", func() { f.node.synced, f.node.clean = slices.Clone(f.node.now), true })
}

func (f *memoryFile) Close() error { return f.m.do("close", func() {}) }

// crash returns the disk as the next start finds it. Without a random source it
// forgets all that it may forget. With one, each change of a name since the last sync took
// place or did not, and of each file's unsynced bytes whatever sectors it
// likes are there, zero, or missing.
func (m *memory) crash(r *rand.Rand) *memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	after := newMemory()
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
		node := &inode{now: content, synced: content, clean: true}
		after.names[name], after.durable[name] = node, node
	}
	return after
}

const sector = 512

// remains is what a crash leaves of a file.
func (n *inode) remains(r *rand.Rand) []byte {
	if n.clean || r == nil {
		return slices.Clone(n.synced)
	}
	switch r.IntN(4) {
	case 0:
		return slices.Clone(n.synced)
	case 1:
		return slices.Clone(n.now)
	case 2: // the length is there, the sectors are not all
		torn := slices.Clone(n.now)
		for i := 0; i < len(torn); i += sector {
			if r.IntN(2) == 0 {
				copy(torn[i:min(i+sector, len(torn))], bytes.Repeat([]byte{0}, sector))
			}
		}
		return torn
	}
	return slices.Clone(n.now[:r.IntN(len(n.now)+1)]) // cut off
}

var (
	errIO      = &fs.PathError{Op: "fsync", Path: "bound", Err: syscall.EIO}
	errNoSpace = &fs.PathError{Op: "write", Path: "bound", Err: syscall.ENOSPC}
)
