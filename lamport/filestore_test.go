package lamport

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// saved is a file in which these bounds were saved, closed again.
func saved(t *testing.T, bounds ...uint64) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "clock")
	s, err := OpenFile(path)
	require.NoError(t, err)
	for _, b := range bounds {
		require.NoError(t, s.Save(b))
	}
	require.NoError(t, s.Close())
	return path
}

func bound(t *testing.T, path string) (uint64, error) {
	t.Helper()
	s, err := OpenFile(path)
	if err != nil {
		return 0, err
	}
	b, err := s.Bound()
	require.NoError(t, err)
	return b, s.Close()
}

func TestFileStore_Stories(t *testing.T) {
	b, err := bound(t, saved(t))
	require.NoError(t, err)
	require.Zero(t, b, "a new file")
	path := saved(t, 5, 5, 9)
	b, err = bound(t, path)
	require.NoError(t, err)
	require.Equal(t, uint64(9), b)

	s, err := OpenFile(path)
	require.NoError(t, err)
	require.Error(t, s.Save(8), "a bound does not fall")
	require.NoError(t, s.Save(10), "and that was the caller's error, not the disk's")
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "twice is once")
	require.ErrorIs(t, s.Save(11), ErrClosed)
	_, err = s.Bound()
	require.ErrorIs(t, err, ErrClosed)
	_, err = OpenFile(filepath.Join(t.TempDir(), "missing", "clock"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// TestFileStore_EitherSlotIsEnough flips each bit of each slot in turn: the saved
// bound is still there. With both slots damaged the file is refused, and so is an
// empty one, rather than taken for new.
func TestFileStore_EitherSlotIsEnough(t *testing.T) {
	path := saved(t, 5, 9)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for slot := range slotCount {
		for bit := range slotSize * 8 {
			damaged := slices.Clone(whole)
			damaged[slot*slotDistance+bit/8] ^= 1 << (bit % 8)
			require.NoError(t, os.WriteFile(path, damaged, 0o600))
			b, err := bound(t, path)
			require.NoError(t, err)
			require.Equal(t, uint64(9), b, "slot %d, bit %d", slot, bit)
		}
	}
	both := slices.Clone(whole)
	both[20] ^= 1
	both[slotDistance+20] ^= 1
	for why, data := range map[string][]byte{
		"both slots damaged": both, "empty": {}, "zeros": make([]byte, len(whole)), "cut in the first slot": whole[:slotSize-1],
	} {
		require.NoError(t, os.WriteFile(path, data, 0o600))
		_, err := bound(t, path)
		require.ErrorIs(t, err, ErrCorrupt, why)
	}
	require.NoError(t, os.WriteFile(path, whole[:slotDistance+3], 0o600))
	b, err := bound(t, path)
	require.NoError(t, err)
	require.Equal(t, uint64(9), b, "cut in the second slot")
}

// TestFileStore_TheNewestIsWrittenLast: with one slot damaged, Save first mends
// that one, and damage to it in the meantime leaves the other.
func TestFileStore_TheNewestIsWrittenLast(t *testing.T) {
	for damaged := range slotCount {
		path := saved(t, 5, 9)
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		data[damaged*slotDistance] ^= 1
		require.NoError(t, os.WriteFile(path, data, 0o600))
		s, err := OpenFile(path)
		require.NoError(t, err)
		order := &recorder{slotFile: s.file}
		s.file = order
		require.NoError(t, s.Save(12))
		require.NoError(t, s.Close())
		require.Equal(t, []int64{int64(damaged * slotDistance), -1, int64((1 - damaged) * slotDistance), -1}, order.calls)
	}
}

// recorder notes where a file is written to, −1 for a sync.
type recorder struct {
	slotFile
	calls []int64
}

func (r *recorder) WriteAt(b []byte, at int64) (int, error) {
	r.calls = append(r.calls, at)
	return r.slotFile.WriteAt(b, at)
}

func (r *recorder) Sync() error {
	r.calls = append(r.calls, -1)
	return r.slotFile.Sync()
}

// TestFileStore_Golden keeps the form from changing. (Its CRC-32C was computed bit by bit in another language.)
func TestFileStore_Golden(t *testing.T) {
	data, err := os.ReadFile(saved(t, 0x0102030405060708))
	require.NoError(t, err)
	want := "lamport1" + "\x00\x00\x00\x00\x00\x00\x00\x01" + "\x01\x02\x03\x04\x05\x06\x07\x08" + "\xa5\x34\x8b\x8a" + "\x00\x00\x00\x00"
	require.Len(t, data, slotDistance+slotSize)
	require.Equal(t, want, string(data[:slotSize]))
	require.Equal(t, want, string(data[slotDistance:]))
}

// TestFileStore_OneAtATime: the second is refused while the first is open.
func TestFileStore_OneAtATime(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no lock on this system")
	}
	path := saved(t, 5)
	s, err := OpenFile(path)
	require.NoError(t, err)
	_, err = OpenFile(path)
	require.ErrorIs(t, err, ErrLocked)
	require.NoError(t, s.Save(6), "the first is not disturbed")
	require.NoError(t, s.Close())
	b, err := bound(t, path)
	require.NoError(t, err)
	require.Equal(t, uint64(6), b)
}
