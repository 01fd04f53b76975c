package doctor

import (
	"strconv"
	"strings"
)

// cpuTimes are the ticks of all processors together. Source: proc_stat(5).
type cpuTimes struct{ all, stolen uint64 }

// parseCPUTimes reads the first line of /proc/stat:
//
//	cpu user nice system idle iowait irq softirq steal guest guest_nice
//
// The guests' times are within user and nice.
func parseCPUTimes(stat string) (t cpuTimes, ok bool) {
	line, _, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return t, false
	}
	for i, field := range fields[1:9] {
		n, err := strconv.ParseUint(field, 10, 64)
		if err != nil {
			return cpuTimes{}, false
		}
		t.all += n
		if i == 7 {
			t.stolen = n
		}
	}
	return t, true
}

// steal is the share that was certainly stolen since an earlier moment; nil if no tick has passed, or
// the kernel's counts went back, as some do. Of the stolen ticks one does not count: it may
// have been as good as over at that moment, and in a short look it is a per cent.
func (t cpuTimes) steal(since cpuTimes) *float64 {
	if t.all <= since.all || t.stolen < since.stolen {
		return nil
	}
	stolen := t.stolen - since.stolen
	share := float64(stolen-min(stolen, 1)) / float64(t.all-since.all)
	return &share
}
