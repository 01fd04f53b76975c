package pause

import (
	"maps"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
)

// files makes a root directory of names and contents.
func files(pairs ...string) fstest.MapFS {
	root := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		root[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return root
}

const (
	v2Mount   = "41 31 0:38 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw\n"
	v1Mount   = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
	otherV1   = "33 31 0:30 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset\n"
	v2Stat    = "usage_usec 12\nnr_periods 100\nnr_throttled 7\nthrottled_usec 480000\n"
	v1Stat    = "nr_periods 100\nnr_throttled 7\nthrottled_time 480000000\n"
	noQuota   = "usage_usec 12\nuser_usec 6\n"
	fullUsage = 480 * ms
)

// TestCgroups_AreFound: where the accounts of throttling are, by version and by what a container
// sees.
func TestCgroups_AreFound(t *testing.T) {
	for name, c := range map[string]struct {
		root  fstest.MapFS
		wants []string
	}{
		"version 2, a service, limited itself and by its slice": {
			files("proc/self/cgroup", "0::/system.slice/a.service\n", "proc/self/mountinfo", v2Mount,
				"sys/fs/cgroup/system.slice/a.service/cpu.stat", v2Stat, "sys/fs/cgroup/system.slice/cpu.stat", v2Stat, "sys/fs/cgroup/cpu.stat", noQuota),
			[]string{"sys/fs/cgroup/system.slice/a.service/cpu.stat", "sys/fs/cgroup/system.slice/cpu.stat"}},
		"version 2 in a container, whose root is its own": {
			files("proc/self/cgroup", "0::/\n", "proc/self/mountinfo", v2Mount, "sys/fs/cgroup/cpu.stat", v2Stat),
			[]string{"sys/fs/cgroup/cpu.stat"}},
		"version 1": {
			files("proc/self/cgroup", "4:cpuset:/other\n3:cpu,cpuacct:/user\n0::/\n", "proc/self/mountinfo", otherV1+v1Mount,
				"sys/fs/cgroup/cpu,cpuacct/user/cpu.stat", v1Stat, "sys/fs/cgroup/cpu,cpuacct/cpu.stat", v1Stat),
			[]string{"sys/fs/cgroup/cpu,cpuacct/user/cpu.stat", "sys/fs/cgroup/cpu,cpuacct/cpu.stat"}},
		"version 1 in a container that has its own cgroup mounted as the root": {
			files("proc/self/cgroup", "3:cpu:/docker/0af3\n", "proc/self/mountinfo", "32 31 0:29 /docker/0af3 /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n", "sys/fs/cgroup/cpu/cpu.stat", v1Stat),
			[]string{"sys/fs/cgroup/cpu/cpu.stat"}},
		"a cgroup outside of what was mounted": {
			files("proc/self/cgroup", "0::/../other\n", "proc/self/mountinfo", v2Mount, "sys/fs/cgroup/cpu.stat", v2Stat),
			[]string{"sys/fs/cgroup/cpu.stat"}},
		"nothing is mounted": {files("proc/self/cgroup", "0::/\n", "proc/self/mountinfo", ""), nil},
		"no /proc":           {files(), nil},
		"rubbish":            {files("proc/self/cgroup", "::\n:\n0:\x00\n", "proc/self/mountinfo", "a - \n - cgroup2\n1 2 3 4 5 - cgroup2 x\n - - -\n"), nil},
	} {
		found := throttled(c.root, cgroupMounts(c.root))
		require.ElementsMatch(t, c.wants, slices.Collect(maps.Keys(found)), name)
		for _, d := range found {
			require.Equal(t, fullUsage, d, name)
		}
	}
}

// TestThrottled_FollowsTheProcess to the cgroup that it was moved to, and sees a quota that was set
// after it was started.
func TestThrottled_FollowsTheProcess(t *testing.T) {
	const before, after = "sys/fs/cgroup/before/cpu.stat", "sys/fs/cgroup/after/cpu.stat"
	root := files("proc/self/cgroup", "0::/before\n", "proc/self/mountinfo", v2Mount, before, v2Stat, after, noQuota)
	mounts := cgroupMounts(root)
	require.Equal(t, account{before: fullUsage}, throttled(root, mounts))
	root["proc/self/cgroup"] = &fstest.MapFile{Data: []byte("0::/after\n")}
	require.Equal(t, account{}, throttled(root, mounts))
	root[after] = &fstest.MapFile{Data: []byte(v2Stat)}
	require.Equal(t, account{after: fullUsage}, throttled(root, mounts))
}

// TestGrowth_OfWhatWasReadTwice: neither an account that could not be read for a moment (no
// descriptor was free) nor a CPU that went offline makes another one grow, or itself.
func TestGrowth_OfWhatWasReadTwice(t *testing.T) {
	const stat0, stat1, stat2 = "cpu0 9 9 9 9 9 9 9 5 0 0\n", "cpu1 9 9 9 9 9 9 9 5 0 0\n", "cpu2 9 9 9 9 9 9 9 9999 0 0\n"
	root := files("proc/self/cgroup", "0::/a\n", "proc/self/mountinfo", v2Mount, "sys/fs/cgroup/a/cpu.stat", v2Stat, "proc/stat", stat0+stat1+stat2)
	m := machine{root: root, mounts: cgroupMounts(root)}
	whole := m.accounts()
	root["proc/stat"] = &fstest.MapFile{Data: []byte(stat0 + stat2)}
	delete(root, "sys/fs/cgroup/a/cpu.stat")
	part := m.accounts()
	for _, pair := range [][2]*accounts{{whole, part}, {part, whole}} {
		grew, ok := growth(pair[0], pair[1])
		require.True(t, ok)
		require.Zero(t, grew)
	}
}

// TestStolen_ReadsEachCPU: the sum of all is left out, and so is the rest of the file.
func TestStolen_ReadsEachCPU(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		wants account
	}{
		"two CPUs":               {"cpu  9 9 9 9 9 9 9 754 0 0\ncpu0 9 9 9 9 9 9 9 372 0 0\ncpu1 9 9 9 9 9 9 9 382 0 0\nintr 1 2 3\ncpu2 9 9 9 9 9 9 9 1\n", account{"cpu0": 3720 * ms, "cpu1": 3820 * ms}},
		"an old kernel, without": {"cpu  1 2 3 4\ncpu0 1 2 3 4\n", account{}},
		"not a number":           {"cpu0 9 9 9 9 9 9 9 x\n", account{}},
		"empty":                  {"", account{}},
	} {
		require.Equal(t, c.wants, stolen(files("proc/stat", c.text)), name)
	}
	require.Nil(t, stolen(files()))
}

// TestSchedstat_OfOneThread after another, and unknown where nobody says.
func TestSchedstat_OfOneThread(t *testing.T) {
	root := files("proc/self/task/8/schedstat", "100 500 3\n", "proc/self/task/9/schedstat", "100 2500 3\n")
	s := schedstat{root: root}
	defer s.close()
	for _, thread := range []struct {
		number int
		wants  time.Duration
	}{{9, 2500}, {9, 2500}, {8, 500}, {9, 2500}} {
		d, ok := s.waited(thread.number)
		require.True(t, ok)
		require.Equal(t, thread.wants, d)
	}
	for _, text := range []string{"", "0\n", "1 x 3\n"} {
		root["proc/self/task/7/schedstat"] = &fstest.MapFile{Data: []byte(text)}
		_, ok := s.waited(7)
		require.False(t, ok, "%q", text)
		require.Nil(t, s.file, "it is opened again the next time")
	}
	_, ok := s.waited(6)
	require.False(t, ok, "a kernel without scheduler statistics")
	_, ok = s.waited(9)
	require.True(t, ok)
}

// FuzzAccounts: whatever the files say, nothing worse happens than that a cause is not known.
func FuzzAccounts(f *testing.F) {
	f.Add("0::/a\n", v2Mount, v2Stat, "cpu0 9 9 9 9 9 9 9 372 0 0\n", "1 2 3")
	f.Add("3:cpu,cpuacct:/user\n", v1Mount, v1Stat, "cpu", "")
	f.Fuzz(func(t *testing.T, membership, mounts, usage, stat, sched string) {
		root := files("proc/self/cgroup", membership, "proc/self/mountinfo", mounts, "sys/fs/cgroup/cpu.stat", usage, "sys/fs/cgroup/a/cpu.stat", usage,
			"proc/stat", stat, "proc/self/task/1/schedstat", sched)
		m := machine{root: root, mounts: cgroupMounts(root)}
		_ = m.accounts()
		m.sched.root = root
		_, _ = m.sched.waited(1)
		m.close()
	})
}
