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

// findDaemons looks through /proc. nil means that there are no processes in it. Children of a daemon of
// the same name belong to it. hidden says that others' processes cannot be seen, by the one that
// there always is. Source: proc(5), hidepid.
func findDaemons(root fs.FS) (found []Daemon, hidden bool) {
	entries, err := fs.ReadDir(root, "proc")
	isProcess := func(e fs.DirEntry) bool { _, err := strconv.Atoi(e.Name()); return err == nil }
	if err != nil || !slices.ContainsFunc(entries, isProcess) {
		return nil, true
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
			steers := program != "chronyd" || !parseChronyd(text(root, "proc/"+e.Name()+"/cmdline")).sparesClock
			all = append(all, process{Daemon{program, pid, steers}, parent})
		}
	}
	found = []Daemon{}
	for _, p := range all {
		if !slices.ContainsFunc(all, func(q process) bool { return q.PID == p.parent && q.Name == p.Name }) {
			found = append(found, p.Daemon)
		}
	}
	return found, text(root, "proc/1/stat") == ""
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

// chronydLine is a command line of chronyd.
type chronydLine struct {
	known       bool
	sparesClock bool     // -x, or -Q: it does not touch the clock
	file        string   // -f
	directives  []string // take the place of the file
}

// parseChronyd reads it: the arguments end with a zero byte each; options of one letter may be joined.
func parseChronyd(cmdline string) chronydLine {
	args := strings.Split(strings.TrimRight(cmdline, "\x00"), "\x00")
	line := chronydLine{known: args[0] != ""}
	for i := 1; i < len(args); i++ {
		if !strings.HasPrefix(args[i], "-") {
			line.directives = append(line.directives, args[i])
			continue
		}
		for at, option := range args[i][1:] {
			if option == 'x' || option == 'Q' {
				line.sparesClock = true
			}
			if !strings.ContainsRune(chronydArgs, option) {
				continue
			}
			value := args[i][at+2:]
			if value == "" && i+1 < len(args) {
				i++
				value = args[i]
			}
			if option == 'f' {
				line.file = value
			}
			break
		}
	}
	return line
}
