package pause

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"time"
)

// schedstat reads how long a thread of this process was able to run and did not. It keeps the file
// of the last one open, since to find it costs ten times as much as to read it, and the monitor
// mostly runs on the same thread. Source: Linux, Documentation/scheduler/sched-stats.rst.
type schedstat struct {
	root   fs.FS
	thread int
	file   fs.File
}

// waited returns false if it is not known.
func (s *schedstat) waited(thread int) (time.Duration, bool) {
	if s.file == nil || s.thread != thread {
		s.close()
		file, err := s.root.Open(fmt.Sprintf("proc/self/task/%d/schedstat", thread))
		if err != nil {
			return 0, false
		}
		s.thread, s.file = thread, file
	}
	d, err := s.read()
	if err != nil {
		s.close() // perhaps the thread ended and another one has its number now
	}
	return d, err == nil
}

var errSchedstat = errors.New("pause: schedstat is not understood")

// read takes the second of the numbers, in nanoseconds.
func (s *schedstat) read() (time.Duration, error) {
	file, ok := s.file.(io.ReaderAt)
	if !ok {
		return 0, errSchedstat
	}
	var buffer [80]byte
	n, err := file.ReadAt(buffer[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	fields := bytes.Fields(buffer[:n])
	if len(fields) < 2 {
		return 0, errSchedstat
	}
	ns, err := strconv.ParseInt(string(fields[1]), 10, 64)
	return time.Duration(ns), err
}

func (s *schedstat) close() {
	if s.file != nil {
		_ = s.file.Close()
		s.file = nil
	}
}
