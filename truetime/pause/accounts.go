package pause

import (
	"bytes"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"
)

// What cannot be read or understood is left out: there is one cause less to tell.

// userTick is the unit of /proc/stat: 1/USER_HZ, which is 100 wherever Linux runs Go.
const userTick = 10 * time.Millisecond

// stolen reads how much time each CPU lost to the hypervisor. Source: proc_stat(5).
func stolen(root fs.FS) (cpus []time.Duration) {
	text, err := fs.ReadFile(root, "proc/stat")
	if err != nil {
		return nil
	}
	for line := range bytes.Lines(text) {
		if !bytes.HasPrefix(line, []byte("cpu")) {
			break // the CPUs come first, and the rest is long
		}
		fields := strings.Fields(string(line))
		if fields[0] == "cpu" || len(fields) < 9 {
			continue // all together
		}
		ticks, err := strconv.ParseInt(fields[8], 10, 64)
		if err != nil {
			return nil
		}
		cpus = append(cpus, time.Duration(ticks)*userTick)
	}
	return cpus
}

// waited reads which thread this is, and how long it was able to run and did not. "" if that is
// not known. Source: Linux, Documentation/scheduler/sched-stats.rst.
func waited(root fs.FS) (thread string, d time.Duration) {
	thread, err := fs.ReadLink(root, "proc/thread-self") // once, as we may run on another one a moment later
	if err != nil {
		return "", 0
	}
	text, err := fs.ReadFile(root, path.Join("proc", thread, "schedstat"))
	if err != nil {
		return "", 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return "", 0
	}
	ns, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return "", 0
	}
	return thread, time.Duration(ns)
}
