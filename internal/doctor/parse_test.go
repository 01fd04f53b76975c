package doctor

import (
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// sample is a file of testdata, of a real machine if not said otherwise.
func sample(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	return string(b)
}

// tree is a file system with these files.
func tree(files map[string]string) fs.FS {
	m := fstest.MapFS{}
	for name, content := range files {
		m[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return m
}

func TestSteal_OfTheTicks(t *testing.T) {
	before, ok := parseCPUTimes(sample(t, "stat-quiet"))
	require.True(t, ok)
	require.Equal(t, cpuTimes{all: 1941957 + 7267 + 440755 + 2823057 + 35678 + 18087 + 7079, stolen: 7079}, before)
	after, ok := parseCPUTimes(sample(t, "stat-robbed"))
	require.True(t, ok)
	require.InDelta(t, 99./200, *after.steal(before), 1e-12, "100 ticks of work and 100 stolen, one of them perhaps not; guests are within the work")
	require.InDelta(t, 0.00134, *before.steal(cpuTimes{}), 1e-5)
	require.Zero(t, *cpuTimes{all: 60, stolen: 1}.steal(cpuTimes{}), "300 ms of two processors: a tick is no alarm")
	require.Zero(t, *cpuTimes{all: 60}.steal(cpuTimes{}))
	require.Nil(t, before.steal(before), "no tick has passed")
	require.Nil(t, before.steal(after), "it went back")
	for _, bad := range []string{"", "cpu", "cpu 1 2 3 4 5 6 7", "cpu0 1 2 3 4 5 6 7 8", "cpu 1 2 3 4 5 6 7 x", "intr 1 2 3 4 5 6 7 8 9"} {
		_, ok := parseCPUTimes(bad)
		require.False(t, ok, bad)
	}
}

func TestHypervisor_Signs(t *testing.T) {
	const vendor, product = "sys/class/dmi/id/sys_vendor", "sys/class/dmi/id/product_name"
	for name, story := range map[string]struct {
		files map[string]string
		want  string
	}{
		"nothing can be read":             {nil, "?"},
		"a laptop":                        {map[string]string{"proc/cpuinfo": sample(t, "cpuinfo-metal"), vendor: "LENOVO\n", product: "21CB\n"}, ""},
		"a guest without firmware tables": {map[string]string{"proc/cpuinfo": sample(t, "cpuinfo-guest")}, "the processor says so"},
		"Xen":                             {map[string]string{"sys/hypervisor/type": "xen\n"}, "xen"},
		"EC2":                             {map[string]string{vendor: "Amazon EC2\n", product: "c6g.large\n", "proc/cpuinfo": sample(t, "cpuinfo-arm")}, "Amazon EC2"},
		"EC2's bare metal":                {map[string]string{vendor: "Amazon EC2\n", product: "c6g.metal\n", "proc/cpuinfo": sample(t, "cpuinfo-arm")}, ""},
		"Hyper-V":                         {map[string]string{vendor: "Microsoft Corporation\n", product: "Virtual Machine\n"}, "Virtual Machine"},
		"a Surface":                       {map[string]string{vendor: "Microsoft Corporation\n", product: "Surface Laptop\n"}, ""},
		"x86 without tables":              {map[string]string{"proc/cpuinfo": sample(t, "cpuinfo-metal")}, ""},
		"arm without tables":              {map[string]string{"proc/cpuinfo": sample(t, "cpuinfo-arm")}, "?"},
	} {
		got := "?"
		if seen := hypervisor(tree(story.files)); seen != nil {
			got = *seen
		}
		require.Equal(t, story.want, got, name)
	}
}

func TestProcess_NamesMayHoldAnything(t *testing.T) {
	for text, want := range map[string]struct {
		name   string
		parent int
	}{
		"7 (chronyd) S 1 7 7 0":      {"chronyd", 1},
		"7 (a) b (c) R 42 7":         {"a) b (c", 42},
		"7 (chronyd) S 1) S 5 1":     {"chronyd) S 1", 5},
		"7 (systemd-timesyn) S 1 77": {"systemd-timesyn", 1},
	} {
		name, parent, ok := parseProcess(text)
		require.True(t, ok, text)
		require.Equal(t, want.name, name)
		require.Equal(t, want.parent, parent)
	}
	for _, bad := range []string{"", "7", "7 (chronyd", "7 chronyd)", "7 (chronyd) S", "7 (chronyd) S x", ")("} {
		_, _, ok := parseProcess(bad)
		require.False(t, ok, bad)
	}
}

func TestChronyd_MinusX(t *testing.T) {
	for cmdline, want := range map[string]bool{
		"chronyd\x00-x\x00": true, "chronyd\x00-dx\x00": true, "chronyd\x00-n\x00-f\x00/etc/x\x00-x\x00": true, "chronyd\x00-Q\x00": true,
		"chronyd\x00-F\x001\x00": false, "chronyd\x00-f\x00-x\x00": false, "chronyd\x00-fx.conf\x00": false, "chronyd\x00-u\x00x\x00": false,
		"chronyd\x00server x\x00": false, "chronyd": false, "": false, "-x\x00": false,
	} {
		require.Equal(t, want, parseChronyd(cmdline).sparesClock, "%q", cmdline)
	}
}

// TestChronyd_WhatItReads: which file, or which directives instead.
func TestChronyd_WhatItReads(t *testing.T) {
	for cmdline, want := range map[string]chronydLine{
		"":                                       {},
		"chronyd\x00-F\x001\x00":                 {known: true},
		"chronyd\x00-F\x001\x00-f\x00/etc/x\x00": {known: true, file: "/etc/x"},
		"chronyd\x00-df/etc/x\x00":               {known: true, file: "/etc/x"},
		"chronyd\x00-f\x00":                      {known: true},
		"chronyd\x00-d\x00server a\x00maxclockerror 15\x00": {known: true, directives: []string{"server a", "maxclockerror 15"}},
	} {
		require.Equal(t, want, parseChronyd(cmdline), "%q", cmdline)
	}
}

func TestDaemons_InProc(t *testing.T) {
	root := tree(map[string]string{
		"proc/1/stat": "1 (systemd) S 0 1", "proc/self/stat": "1 (chronyd) S 0 1", "proc/uptime": "1 2",
		"proc/70/stat": "70 (chronyd) S 1 70", "proc/70/cmdline": "/usr/sbin/chronyd\x00-F\x001\x00",
		"proc/71/stat": "71 (chronyd) S 70 70", "proc/71/cmdline": "/usr/sbin/chronyd\x00-F\x001\x00", // its helper
		"proc/80/stat": "80 (chronyd) S 1 80", "proc/80/cmdline": "chronyd\x00-x\x00",
		"proc/90/stat": "90 (systemd-timesyn) S 1 90",
		"proc/91/stat": "torn",
	})
	found, hidden := findDaemons(root)
	require.Equal(t, []Daemon{{"chronyd", 70, true}, {"chronyd", 80, false}, {"systemd-timesyncd", 90, true}}, found)
	require.False(t, hidden)
	found, hidden = findDaemons(tree(map[string]string{"proc/1/stat": "1 (init) S 0 1"}))
	require.Equal(t, []Daemon{}, found)
	require.False(t, hidden)
	found, hidden = findDaemons(tree(map[string]string{"proc/70/stat": "70 (chronyd) S 1 70"}))
	require.Len(t, found, 1)
	require.True(t, hidden, "there always is the first process")
	for _, nothing := range []fs.FS{tree(nil), tree(map[string]string{"proc/meminfo": "0"})} {
		found, _ = findDaemons(nothing)
		require.Nil(t, found)
	}
}

func TestChrony_TheLastDirectiveCounts(t *testing.T) {
	debian := sample(t, "chrony-debian.conf")
	for name, story := range map[string]struct {
		files map[string]string
		want  ChronyConfig
	}{
		"no configuration":            {nil, ChronyConfig{"/etc/chrony/chrony.conf", 1, false, "/etc/chrony/chrony.conf"}},
		"Debian's":                    {map[string]string{"etc/chrony/chrony.conf": debian}, ChronyConfig{"/etc/chrony/chrony.conf", 1, false, ""}},
		"Fedora's place":              {map[string]string{"etc/chrony.conf": "MaxClockError 15\n"}, ChronyConfig{"/etc/chrony.conf", 15, true, ""}},
		"twice":                       {map[string]string{"etc/chrony.conf": "maxclockerror 15\nmaxclockerror 0.5"}, ChronyConfig{"/etc/chrony.conf", 0.5, true, ""}},
		"no number":                   {map[string]string{"etc/chrony.conf": "maxclockerror many\nmaxclockerror\n#maxclockerror 7\n\n"}, ChronyConfig{"/etc/chrony.conf", 1, false, ""}},
		"in a directory":              {map[string]string{"etc/chrony/chrony.conf": debian, "etc/chrony/conf.d/a.conf": "maxclockerror 15", "etc/chrony/conf.d/b.conf": "maxclockerror 16", "etc/chrony/conf.d/c.txt": "maxclockerror 17"}, ChronyConfig{"/etc/chrony/chrony.conf", 16, true, ""}},
		"included":                    {map[string]string{"etc/chrony.conf": "include /etc/c/*.x", "etc/c/1.x": "maxclockerror 20"}, ChronyConfig{"/etc/chrony.conf", 20, true, ""}},
		"the first directory counts":  {map[string]string{"etc/chrony.conf": "confdir /run/c /etc/c", "etc/c/1.conf": "maxclockerror 20", "run/c/1.conf": "maxclockerror 30"}, ChronyConfig{"/etc/chrony.conf", 30, true, ""}},
		"a circle of includes":        {map[string]string{"etc/chrony.conf": "maxclockerror 3\ninclude /etc/chrony.conf"}, ChronyConfig{"/etc/chrony.conf", 3, true, ""}},
		"an avalanche of includes":    {map[string]string{"etc/chrony.conf": strings.Repeat("include /etc/chrony.conf\n", 50)}, ChronyConfig{"/etc/chrony.conf", 1, false, "/etc/chrony.conf"}},
		"a mountain":                  {map[string]string{"etc/chrony.conf": strings.Repeat("#", 2<<20)}, ChronyConfig{"/etc/chrony.conf", 1, false, "/etc/chrony.conf"}},
		"a pattern that is malformed": {map[string]string{"etc/chrony.conf": "include /etc/[\nconfdir /["}, ChronyConfig{"/etc/chrony.conf", 1, false, ""}},
		"a folder where a file is":    {map[string]string{"etc/chrony.conf": "confdir /etc/c", "etc/c": "x"}, ChronyConfig{"/etc/chrony.conf", 1, false, "/etc/c"}},
	} {
		require.Equal(t, story.want, readChrony(tree(story.files), chronydLine{known: true}), name)
	}
	root := tree(map[string]string{"etc/chrony.conf": "maxclockerror 15", "etc/x": "maxclockerror 7"})
	for name, story := range map[string]struct {
		line chronydLine
		want ChronyConfig
	}{
		"another file":          {chronydLine{known: true, file: "/etc/x"}, ChronyConfig{"/etc/x", 7, true, ""}},
		"one of its own folder": {chronydLine{known: true, file: "etc/x"}, ChronyConfig{"etc/x", 1, false, "etc/x"}},
		"directives instead":    {chronydLine{known: true, file: "/etc/x", directives: []string{"maxclockerror 9"}}, ChronyConfig{"its command line", 9, true, ""}},
		"who knows":             {chronydLine{}, ChronyConfig{"", 1, false, "its command line"}},
	} {
		require.Equal(t, story.want, readChrony(root, story.line), name)
	}
	hidden := fstest.MapFS{"etc/chrony.conf": {Data: []byte("include /etc/c/a")}, "etc/c/a": {Mode: fs.ModeNamedPipe}}
	require.Equal(t, "/etc/c/a", readChrony(hidden, chronydLine{known: true}).Unread, "a pipe would hold us")
}

// TestRead_OfThisMachine: nothing here must be readable, and nothing crashes.
func TestRead_OfThisMachine(t *testing.T) {
	for name, root := range map[string]fs.FS{"the machine": os.DirFS("/"), "nothing": tree(nil)} {
		checks := Local(Read(root, Begin(root)), testLimits)
		require.Len(t, checks, 8, name)
		for _, c := range checks {
			require.NotEmpty(t, c.Value, "%s: %s", name, c.Name)
			require.NotEmpty(t, c.Limit, c.Name)
			require.NotEmpty(t, c.Why, c.Name)
			require.NotEmpty(t, c.Do, c.Name)
		}
	}
}
