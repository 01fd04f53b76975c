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

// threadsMost is how many threads may be asked one by one.
const threadsMost = 32

// waited reads how long the threads of this process were able to run and did not. One that ends
// takes its account with it. Of a process with very many threads it is not known. Source: Linux,
// Documentation/scheduler/sched-stats.rst.
func waited(root fs.FS) []time.Duration {
	threads, err := fs.ReadDir(root, "proc/self/task")
	if err != nil || len(threads) > threadsMost {
		return nil
	}
	var sum time.Duration
	for _, thread := range threads {
		text, err := fs.ReadFile(root, path.Join("proc/self/task", thread.Name(), "schedstat"))
		if err != nil {
			continue // it ended
		}
		fields := strings.Fields(string(text))
		if len(fields) < 2 {
			return nil
		}
		ns, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			return nil
		}
		sum += time.Duration(ns)
	}
	return []time.Duration{sum}
}
