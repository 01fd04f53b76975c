package truetime

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// vmclockPath is the device through which a hypervisor says that it disrupted
// the guest's clocks: live migration, restore from a snapshot. Linux 6.13 and later.
const vmclockPath = "/dev/vmclock0"

// The page of the device, little-endian. Source: Linux,
// include/uapi/linux/vmclock-abi.h, version 1.
const (
	vmMagic      = 0x4b4c4356 // offset 0, 32 bits: "VCLK"
	vmSize       = 4          // 32 bits: of the structure
	vmVersion    = 8          // 16 bits
	vmSeq        = 12         // 32 bits: odd while the hypervisor writes what follows
	vmMarker     = 16         // 64 bits: changes when the counter was disrupted
	vmFlags      = 24         // 64 bits
	vmGeneration = 104        // 64 bits: changes when the guest was restored; there if flags say so

	vmHasGeneration = 1 << 8
	vmPageSize      = 4096 // the driver maps one page at most
)

// vmclock is the mapped page. A nil one never says anything.
type vmclock struct {
	page []byte
	size uint32
	gone atomic.Bool // the page faulted
}

// vmState is what must not change within an epoch; zero without a device.
type vmState struct {
	present, busy      bool
	marker, generation uint64
}

// openVMClock returns nil if the device is not there, not mappable or not of
// the version that we know: the clock then works without it. It is looked for once.
func openVMClock(path string) *vmclock {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	page, err := unix.Mmap(fd, 0, vmPageSize, unix.PROT_READ, unix.MAP_SHARED)
	_ = unix.Close(fd) // the mapping stays
	if err != nil {
		return nil
	}
	v := &vmclock{page: page}
	if !v.understood() {
		_ = unix.Munmap(page)
		return nil
	}
	runtime.AddCleanup(v, func(page []byte) { _ = unix.Munmap(page) }, page)
	return v
}

// understood checks the constant fields.
func (v *vmclock) understood() (ok bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { ok = recover() == nil && ok }()
	v.size = v.load32(vmSize)
	return v.load32(0) == vmMagic && uint16(v.load32(vmVersion)) == 1 && v.size >= vmFlags+8
}

// state reads what the hypervisor says, under its sequence lock. An update that
// does not end within a thousand tries, about a millisecond, is a state of its
// own: it may be the one that reports a disruption.
//
// The device's page stays for as long as it is mapped. A file put in its place
// may be truncated under us, and the SIGBUS would end the process; so a fault means that
// the page is gone.
func (v *vmclock) state() (s vmState) {
	if v == nil || v.gone.Load() {
		return vmState{}
	}
	defer runtime.KeepAlive(v)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if recover() != nil {
			v.gone.Store(true)
			s = vmState{}
		}
	}()
	for range 1000 {
		seq := v.load32(vmSeq)
		s = vmState{present: true, marker: v.load64(vmMarker)}
		if v.size >= vmGeneration+8 && v.load64(vmFlags)&vmHasGeneration != 0 {
			s.generation = v.load64(vmGeneration)
		}
		if seq&1 == 0 && v.load32(vmSeq) == seq {
			return s
		}
		runtime.Gosched()
	}
	return vmState{present: true, busy: true}
}

// became says what happened between two states.
func (s vmState) became(now vmState) string {
	switch {
	case !now.present:
		return "the VMClock page went away"
	case now.busy:
		return "the hypervisor does not finish an update of its VMClock page"
	case s.busy:
		return "the hypervisor finished a long update of its VMClock page"
	case now.generation != s.generation:
		return fmt.Sprintf("the virtual machine was restored from a snapshot (VMClock generation %d → %d)", s.generation, now.generation)
	}
	return fmt.Sprintf("the hypervisor disrupted the clock, as in a live migration (VMClock marker %d → %d)", s.marker, now.marker)
}

// The loads are atomic, and in this order: acquire semantics keep the lock's.
func (v *vmclock) load32(at int) uint32 {
	return (*atomic.Uint32)(unsafe.Pointer(&v.page[at])).Load()
}

func (v *vmclock) load64(at int) uint64 {
	return (*atomic.Uint64)(unsafe.Pointer(&v.page[at])).Load()
}
