package record

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/ntpprobe"
)

// lockable says whether files can be locked here.
func lockable(t *testing.T) error {
	t.Helper()
	switch runtime.GOOS {
	case "solaris", "illumos", "aix", "plan9":
		return errors.ErrUnsupported
	}
	return nil
}

// smallDisk mounts a file system of a few kilobytes, where the test may; else it skips.
func smallDisk(t *testing.T) string {
	t.Helper()
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("only root on Linux can make a small disk (tmpfs)")
	}
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("no tmpfs can be mounted here: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return dir
}

// TestRecord_AFullDisk: the error says so, every line before it is whole, and when there
// is room again the next session follows.
func TestRecord_AFullDisk(t *testing.T) {
	path := filepath.Join(smallDisk(t), "r")
	s := newSession()
	f, err := Open(path, Options{}, s.Start)
	require.NoError(t, err)
	written := 0
	for err == nil && written < 1000 {
		at := time.Duration(written+1) * time.Second
		if err = f.Append(s.Sample(moment(at), ntpprobe.Exchange{Server: servers[0], Sample: sampleAt(at)})); err == nil {
			written++
		}
	}
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.Greater(t, written, 5)
	require.NoError(t, f.Close())
	list, warnings := readFiles(t, path)
	require.Empty(t, warnings, "what of the last line had reached the disk was taken back")
	require.Len(t, list[0].Exchanges, written)

	_, err = Open(path, Options{}, newSession().Start)
	require.ErrorIs(t, err, syscall.ENOSPC, "there is no room for a start either")
	list, warnings = readFiles(t, path)
	require.Empty(t, warnings)
	require.Len(t, list[0].Exchanges, written)
}

// TestRecord_FullDevice is the same where nothing can be mounted.
func TestRecord_FullDevice(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full here")
	}
	_, err := Open("/dev/full", Options{MaxSize: 1}, newSession().Start)
	require.ErrorIs(t, err, syscall.ENOSPC)
}

// TestRecord_OtherPeoplesFilesStayAsTheyAre: "record ntp1 ntp2" must not append to a file
// that happens to be called ntp1.
func TestRecord_OtherPeoplesFilesStayAsTheyAre(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r")
	for _, text := range []string{"root:x:0:0:root:/root:/bin/bash\n", `{"schema":"clockctl/v9","type"`, "{}", "\n"} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := Open(path, Options{}, newSession().Start)
		require.ErrorIs(t, err, ErrForeign)
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, text, string(after))
	}
	for cut := range len(opening) + 1 { // of ours, however torn
		require.NoError(t, os.WriteFile(path, []byte(opening[:cut]), 0o600))
		recordTo(t, path, Options{}, 1)
		list, _ := readFiles(t, path)
		require.Len(t, list[0].Exchanges, 1)
	}
}

func TestRecord_FilesThatCannotBe(t *testing.T) {
	_, err := Open(t.TempDir(), Options{}, newSession().Start)
	require.Error(t, err, "a directory")
	_, err = Open(filepath.Join(t.TempDir(), "no", "such"), Options{}, newSession().Start)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.False(t, strings.Contains(err.Error(), "\n"))
}
