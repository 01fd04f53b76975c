package doctor

import (
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// Daemon is a process that keeps time.
type Daemon struct {
	Name   string
	PID    int
	Steers bool // the system's clock; false for chronyd -x
}

// keepers maps the names of processes, of which the kernel keeps 15 bytes, to their programs'.
var keepers = map[string]string{
	"chronyd": "chronyd", "ntpd": "ntpd", "ntp-daemon": "ntpd-rs", "openntpd": "openntpd", "systemd-timesyn": "systemd-timesyncd",
	"ptp4l": "ptp4l", "phc2sys": "phc2sys", "timemaster": "timemaster",
}

// findDaemons looks through /proc. nil means that it cannot be read. Children of a daemon of the same
// name belong to it.
func findDaemons(root fs.FS) []Daemon {
	entries, err := fs.ReadDir(root, "proc")
	if err != nil {
		return nil
	}
	type process struct {
		Daemon
		parent int
	}
	var all []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		name, parent, ok := parseProcess(text(root, "proc/"+e.Name()+"/stat")) // ended meanwhile: ""
		if program := keepers[name]; ok && program != "" {
			steers := program != "chronyd" || !sparesClock(text(root, "proc/"+e.Name()+"/cmdline"))
			all = append(all, process{Daemon{program, pid, steers}, parent})
		}
	}
	found := []Daemon{}
	for _, p := range all {
		if !slices.ContainsFunc(all, func(q process) bool { return q.PID == p.parent && q.Name == p.Name }) {
			found = append(found, p.Daemon)
		}
	}
	return found
}

// parseProcess reads /proc/PID/stat: "PID (NAME) STATE PARENT …". The name may hold blanks and
// parentheses. Source: proc_pid_stat(5).
func parseProcess(stat string) (name string, parent int, ok bool) {
	_, rest, found := strings.Cut(stat, "(")
	end := strings.LastIndex(rest, ")")
	if !found || end < 0 {
		return "", 0, false
	}
	fields := strings.Fields(rest[end+1:])
	if len(fields) < 2 {
		return "", 0, false
	}
	parent, err := strconv.Atoi(fields[1])
	return rest[:end], parent, err == nil
}

// chronydArgs are chronyd's options that take a value. Source: chronyd(8).
const chronydArgs = "fFlLPtu"

// sparesClock reports whether chronyd was started with -x: it then does not touch the clock. The
// arguments end with a zero byte each; options of one letter may be joined.
func sparesClock(cmdline string) bool {
	args := strings.Split(strings.TrimRight(cmdline, "\x00"), "\x00")
	for i := 1; i < len(args); i++ {
		if !strings.HasPrefix(args[i], "-") {
			continue // a directive of the configuration
		}
		for at, option := range args[i][1:] {
			if option == 'x' || option == 'Q' {
				return true
			}
			if strings.ContainsRune(chronydArgs, option) {
				if at == len(args[i])-2 {
					i++ // its value is the next one
				}
				break
			}
		}
	}
	return false
}
