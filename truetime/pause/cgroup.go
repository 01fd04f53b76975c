package pause

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"
)

// cgroups returns the cpu.stat of this process's cgroup and of those above it, as far as they
// can be seen: any of them may have a quota. A container sees its own as the root.
// Source: cgroups(7), proc_pid_mountinfo(5).
func cgroups(root fs.FS) (files []string) {
	membership, err1 := fs.ReadFile(root, "proc/self/cgroup")
	mounts, err2 := fs.ReadFile(root, "proc/self/mountinfo")
	if err1 != nil || err2 != nil {
		return nil
	}
	for line := range strings.Lines(string(mounts)) {
		of, point, version := cgroupMount(line)
		if version == 0 {
			continue
		}
		at, ok := member(string(membership), version)
		if !ok {
			continue
		}
		below, ok := relative(of, at)
		if !ok {
			below = "" // another namespace mounted it: then its root is ours
		}
		for {
			file := strings.TrimPrefix(path.Join(point, below, "cpu.stat"), "/")
			if _, ok := throttledIn(root, file); ok {
				files = append(files, file)
			}
			if below == "" {
				break
			}
			below = strings.TrimPrefix(path.Dir("/"+below), "/")
		}
	}
	return files
}

// cgroupMount returns which part of the hierarchy a line of mountinfo has mounted where, and
// 2 or 1 if it is one that counts CPU time.
func cgroupMount(line string) (of, point string, version int) {
	mount, system, ok := strings.Cut(line, " - ")
	fields, kind := strings.Fields(mount), strings.Fields(system)
	if !ok || len(fields) < 5 || len(kind) < 3 {
		return "", "", 0
	}
	switch {
	case kind[0] == "cgroup2":
		version = 2
	case kind[0] == "cgroup" && listed(kind[2], "cpu"):
		version = 1
	}
	return fields[3], fields[4], version
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

// throttled reads how long each was throttled. Of one that cannot be read it is 0, so that each
// keeps its place.
func throttled(root fs.FS, files []string) (times []time.Duration) {
	for _, file := range files {
		d, _ := throttledIn(root, file)
		times = append(times, d)
	}
	return times
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
