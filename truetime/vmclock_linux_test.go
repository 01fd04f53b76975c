package truetime

import (
	"encoding/binary"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// vmPage is the hypervisor's side of a VMClock page: a file that is mapped here
// for writing and by the clock, at another address, for reading.
type vmPage struct {
	path string
	page []byte
}

// newVMPage lays out marker 7, generation 2.
func newVMPage(t testing.TB, path string) *vmPage {
	t.Helper()
	text := make([]byte, vmPageSize)
	binary.LittleEndian.PutUint32(text[0:], vmMagic)
	binary.LittleEndian.PutUint32(text[vmSize:], 112)
	binary.LittleEndian.PutUint16(text[vmVersion:], 1)
	binary.LittleEndian.PutUint64(text[vmMarker:], 7)
	binary.LittleEndian.PutUint64(text[vmFlags:], vmHasGeneration)
	binary.LittleEndian.PutUint64(text[vmGeneration:], 2)
	require.NoError(t, os.WriteFile(path, text, 0o600))
	return mapVMPage(t, path)
}

func mapVMPage(t testing.TB, path string) *vmPage {
	t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer file.Close()
	page, err := unix.Mmap(int(file.Fd()), 0, vmPageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, unix.Munmap(page)) })
	return &vmPage{path, page}
}

func (p *vmPage) seq() *atomic.Uint32 { return (*atomic.Uint32)(unsafe.Pointer(&p.page[vmSeq])) }
func (p *vmPage) word(at int) *atomic.Uint64 {
	return (*atomic.Uint64)(unsafe.Pointer(&p.page[at]))
}

// update writes as the hypervisor does, under the sequence lock.
func (p *vmPage) update(write func()) {
	p.seq().Add(1)
	write()
	p.seq().Add(1)
}

func (p *vmPage) disrupt(marker uint64) { p.update(func() { p.word(vmMarker).Store(marker) }) }

func (p *vmPage) restore(marker, generation uint64) {
	p.update(func() {
		p.word(vmMarker).Store(marker)
		p.word(vmGeneration).Store(generation)
	})
}

func (p *vmPage) truncate(t *testing.T, size int64) {
	t.Helper()
	require.NoError(t, os.Truncate(p.path, size))
}

func TestVMClock_Layout(t *testing.T) {
	for _, c := range []struct {
		why   string
		write func([]byte)
		want  *vmState // nil: the clock works without it
	}{
		{"as the header says", func([]byte) {}, &vmState{present: true, marker: 7, generation: 2}},
		{"a device older than the generation", func(b []byte) { b[vmSize] = 104 }, &vmState{present: true, marker: 7}},
		{"a device that does not count generations", func(b []byte) { b[vmFlags+1] = 0 }, &vmState{present: true, marker: 7}},
		{"another device", func(b []byte) { b[0]++ }, nil},
		{"the magic in the other byte order", func(b []byte) { copy(b, "KLCV") }, nil},
		{"version 0", func(b []byte) { b[vmVersion] = 0 }, nil},
		{"version 2, unknown", func(b []byte) { b[vmVersion] = 2 }, nil},
		{"version 257, whose low byte is 1", func(b []byte) { b[vmVersion+1] = 1 }, nil},
		{"too small for a marker", func(b []byte) { b[vmSize] = 16 }, nil},
		{"all zero", func(b []byte) { clear(b) }, nil},
	} {
		m := newMachine(t)
		c.write(newVMPage(t, m.device).page)
		v := openVMClock(m.device)
		if c.want == nil {
			require.Nil(t, v, c.why)
			require.Zero(t, v.state(), c.why)
			read(t, m.start(t))
			continue
		}
		require.NotNil(t, v, c.why)
		require.Equal(t, *c.want, v.state(), c.why)
	}
}

func TestVMClock_FilesThatAreNone(t *testing.T) {
	for why, size := range map[string]int{"empty": 0, "four bytes": 4, "fifteen": 15} {
		m := newMachine(t)
		require.NoError(t, os.WriteFile(m.device, make([]byte, size), 0o600))
		require.Nil(t, openVMClock(m.device), why)
		read(t, m.start(t))
	}
	require.Nil(t, openVMClock(t.TempDir()), "a folder")
}

// TestVMClock_TornUpdatesAreNeverSeen: marker and generation always belong
// together, while another goroutine writes as fast as it can.
func TestVMClock_TornUpdatesAreNeverSeen(t *testing.T) {
	m := newMachine(t)
	page := newVMPage(t, m.device)
	page.restore(1, 1)
	v := openVMClock(m.device)
	require.NotNil(t, v)
	var stop atomic.Bool
	var writer sync.WaitGroup
	writer.Go(func() {
		for n := uint64(2); !stop.Load(); n++ {
			page.restore(n, n)
		}
	})
	last, good := uint64(0), 0
	for range 20_000 {
		s := v.state()
		if s.busy {
			continue
		}
		good++
		if s.marker != s.generation || s.marker < last {
			t.Errorf("torn: %+v after %d", s, last)
			break
		}
		last = s.marker
	}
	stop.Store(true)
	writer.Wait()
	require.NotZero(t, good)
}

// TestVMClock_AHungUpdate is an epoch of its own, and its end is another.
func TestVMClock_AHungUpdate(t *testing.T) {
	m := newMachine(t)
	page := newVMPage(t, m.device)
	c := m.start(t)
	first := read(t, c)
	page.seq().Add(1)
	hung := read(t, c)
	require.Greater(t, hung.Epoch, first.Epoch)
	require.Equal(t, hung.Epoch, read(t, c).Epoch)
	page.seq().Add(1)
	require.Greater(t, read(t, c).Epoch, hung.Epoch, "whatever it said, it is not proved to be nothing")
	require.Regexp(t, "finished a long update", c.EpochCause())
}

// TestVMClock_TruncatedUnderUs does not end the process; the page stays away
// even if the file grows again.
func TestVMClock_TruncatedUnderUs(t *testing.T) {
	m := newMachine(t)
	page := newVMPage(t, m.device)
	c := m.start(t)
	first := read(t, c)
	page.truncate(t, 0)
	then := read(t, c)
	require.Greater(t, then.Epoch, first.Epoch)
	page.truncate(t, vmPageSize)
	require.Equal(t, then.Epoch, read(t, c).Epoch)
	require.Equal(t, "the VMClock page went away", c.EpochCause())
}
