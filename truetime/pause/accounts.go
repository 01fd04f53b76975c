package pause

import (
	"bytes"
	"io/fs"
	"strconv"
	"strings"
	"time"
)

// What cannot be read or understood is left out: there is one cause less to tell.

// userTick is the unit of /proc/stat: 1/USER_HZ, which is 100 wherever Linux runs Go.
const userTick = 10 * time.Millisecond

// stolen reads how much time each CPU lost to the hypervisor. Those that are offline are not in
// the file. Source: proc_stat(5).
func stolen(root fs.FS) account {
	text, err := fs.ReadFile(root, "proc/stat")
	if err != nil {
		return nil
	}
	cpus := account{}
	for line := range bytes.Lines(text) {
		if !bytes.HasPrefix(line, []byte("cpu")) {
			break // the CPUs come first, and the rest is long
		}
		fields := strings.Fields(string(line))
		if fields[0] == "cpu" || len(fields) < 9 {
			continue // all together
		}
		if ticks, err := strconv.ParseInt(fields[8], 10, 64); err == nil {
			cpus[fields[0]] = time.Duration(ticks) * userTick
		}
	}
	return cpus
}
