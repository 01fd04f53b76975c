package pause

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"
)

// cgroupMount says which part of a hierarchy that counts CPU time is mounted where.
type cgroupMount struct {
	of, point string
	version   int // 1 or 2
}

// cgroupMounts finds all of them. Source: proc_pid_mountinfo(5).
func cgroupMounts(root fs.FS) (mounts []cgroupMount) {
	text, err := fs.ReadFile(root, "proc/self/mountinfo")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		mount, system, ok := strings.Cut(line, " - ")
		fields, kind := strings.Fields(mount), strings.Fields(system)
		if !ok || len(fields) < 5 || len(kind) < 3 {
			continue
		}
		switch {
		case kind[0] == "cgroup2":
			mounts = append(mounts, cgroupMount{fields[3], fields[4], 2})
		case kind[0] == "cgroup" && listed(kind[2], "cpu"):
			mounts = append(mounts, cgroupMount{fields[3], fields[4], 1})
		}
	}
	return mounts
}

// throttled reads how long this process's cgroup was throttled, and each above it, as far as they
// can be seen: any of them may have a quota. A container sees its own as the root. It asks each time
// which they are, since processes are moved and quotas are set while they run.
// Source: cgroups(7).
func throttled(root fs.FS, mounts []cgroupMount) account {
	membership, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return nil
	}
	times := account{}
	for _, m := range mounts {
		at, ok := member(string(membership), m.version)
		if !ok {
			continue
		}
		below, ok := relative(m.of, at)
		if !ok {
			below = "" // another namespace mounted it: then its root is ours
		}
		for {
			file := strings.TrimPrefix(path.Join(m.point, below, "cpu.stat"), "/")
			if d, ok := throttledIn(root, file); ok {
				times[file] = d
			}
			if below == "" {
				break
			}
			below = strings.TrimPrefix(path.Dir("/"+below), "/")
		}
	}
	return times
}

// member returns the path of our cgroup in the hierarchy of that version.
func member(membership string, version int) (string, bool) {
	for line := range strings.Lines(membership) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) == 3 && (version == 2 && parts[0] == "0" && parts[1] == "" || version == 1 && listed(parts[1], "cpu")) {
			return parts[2], true
		}
	}
	return "", false
}

func listed(list, name string) bool { return strings.Contains(","+list+",", ","+name+",") }

// relative returns the path below of, "" for of itself.
func relative(of, at string) (string, bool) {
	of = strings.TrimSuffix(of, "/")
	if at == of || at == "/" && of == "" {
		return "", true
	}
	below, ok := strings.CutPrefix(at, of+"/")
	return below, ok && !strings.HasPrefix(below, "..")
}

// throttledIn finds throttled_usec (version 2) or throttled_time (version 1, nanoseconds). A
// cgroup without a CPU controller has neither.
func throttledIn(root fs.FS, file string) (time.Duration, bool) {
	text, err := fs.ReadFile(root, file)
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		unit := map[string]time.Duration{"throttled_usec": time.Microsecond, "throttled_time": time.Nanosecond}[name]
		if n, err := strconv.ParseInt(value, 10, 64); unit != 0 && err == nil {
			return time.Duration(n) * unit, true
		}
	}
	return 0, false
}
