package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Why a file is not written to.
var (
	// ErrLocked: another process is recording to the file.
	ErrLocked = errors.New("another process is recording to it")
	// ErrForeign: there is something else in it.
	ErrForeign = errors.New("it is there and is no recording")
)

// opening is how every file of ours begins: with a start. Other commands print lines with
// our schema, too.
const opening = `{"schema":"` + Schema + `","type":"` + TypeEvent + `","session":"`

// IsRecording reports whether a file that begins like this is a recording.
func IsRecording(start []byte) bool { return strings.HasPrefix(string(start), opening) }

// Options say how large a file may grow. The zero value never rotates.
type Options struct {
	MaxSize int64 // bytes before FILE becomes FILE.1; 0: no limit
	Keep    int   // how many rotated files stay
	Sync    bool  // each line is on the disk before Append returns
}

// File is a file that lines are appended to. It is for one goroutine.
type File struct {
	path    string
	options Options
	file    *os.File
	regular bool
	size    int64 // of a regular file
	begin   func(continues bool) Start
	begun   bool // a line after the start was written to this file
}

// Open opens or creates the file and ends a torn last line. begin makes the line that
// begins the session, which is written at once and at the top of each further file.
// It returns [ErrLocked] if another process has it open, [ErrForeign] for a file that
// begins with something else, which is left as it is, and errors of the system.
func Open(path string, o Options, begin func(continues bool) Start) (*File, error) {
	f := &File{path: path, options: o, begin: begin}
	if err := f.open(); err != nil {
		return nil, err
	}
	err := f.own()
	if err == nil {
		err = f.repair()
	}
	if err == nil {
		err = f.write(begin(false))
	}
	if err != nil {
		return nil, errors.Join(err, f.file.Close())
	}
	return f, nil
}

// own looks whether the file is ours, or as much of ours as a kill may have left.
func (f *File) own() error {
	if !f.regular {
		return nil
	}
	start := make([]byte, min(f.size, int64(len(opening))))
	if _, err := f.file.ReadAt(start, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if !strings.HasPrefix(opening, string(start)) {
		return fmt.Errorf("%s: %w", f.path, ErrForeign)
	}
	return nil
}

// open opens and locks what the path names.
func (f *File) open() error {
	err := errRenamed
	for attempt := 0; attempt < 10 && errors.Is(err, errRenamed); attempt++ {
		file, failed := os.OpenFile(f.path, f.flags(), 0o644)
		if failed != nil {
			return failed
		}
		info, failed := claim(file, f.path)
		if err = failed; err == nil {
			f.file, f.regular, f.size, f.begun = file, info.Mode().IsRegular(), info.Size(), false
			return nil
		}
		err = errors.Join(fmt.Errorf("%s: %w", f.path, err), file.Close())
	}
	return err
}

// errRenamed: another recorder, which rotates, was faster.
var errRenamed = errors.New("it was renamed when it was opened")

// claim locks a file and looks whether the path still names it.
func claim(file *os.File, path string) (os.FileInfo, error) {
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return info, err
	}
	if err := lock(file); err != nil {
		return nil, err
	}
	if now, err := os.Stat(path); err != nil || !os.SameFile(info, now) {
		return nil, errRenamed
	}
	return info, nil
}

func (f *File) flags() int {
	flags := os.O_CREATE | os.O_RDWR | os.O_APPEND
	if f.options.Sync {
		flags |= os.O_SYNC
	}
	return flags
}

// repair ends a line that a killed writer left without its end. Of a file with hardly a
// beginning nothing stays, so that it still begins as ours do.
func (f *File) repair() error {
	switch {
	case !f.regular || f.size == 0:
		return nil
	case f.size <= int64(len(opening)):
		f.size = 0
		return f.file.Truncate(0)
	}
	last := make([]byte, 1)
	if _, err := f.file.ReadAt(last, f.size-1); err != nil || last[0] == '\n' {
		return err
	}
	return f.put([]byte{'\n'})
}

// Append writes one line. After an error the file still ends with the line before.
func (f *File) Append(line any) error {
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	if most := f.options.MaxSize; most > 0 && f.regular && f.begun && f.size+int64(len(text))+1 > most {
		if err := f.rotate(); err != nil {
			return err
		}
	}
	f.begun = true
	return f.put(append(text, '\n'))
}

func (f *File) write(line any) error {
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	return f.put(append(text, '\n'))
}

// put is one write. What of it has reached a full disk is taken back, so that the last
// whole line stays the last.
func (f *File) put(text []byte) error {
	n, err := f.file.Write(text)
	if err == nil {
		f.size += int64(n)
		return nil
	}
	if f.regular && n > 0 && f.file.Truncate(f.size) != nil {
		f.size += int64(n) // it stays torn, as after a kill
	}
	return err
}

// rotate renames FILE.1 to FILE.2 and so on, FILE to FILE.1, and begins a new FILE. Only
// files up to the first missing number move, over the oldest if none is missing: a kill
// between two steps costs no file.
func (f *File) rotate() error {
	old := func(n int) string { return fmt.Sprintf("%s.%d", f.path, n) }
	free := 1
	for free < f.options.Keep {
		if _, err := os.Lstat(old(free)); errors.Is(err, os.ErrNotExist) {
			break
		}
		free++
	}
	for n := free - 1; n >= 1; n-- {
		if err := os.Rename(old(n), old(n+1)); err != nil {
			return err
		}
	}
	before := f.file
	if err := before.Sync(); err != nil {
		return err
	}
	if err := move(before, f.path, old(1)); err != nil {
		return err
	}
	if err := f.open(); err != nil {
		return err
	}
	_ = before.Close() // it was synced
	return f.write(f.begin(true))
}

// Close syncs and closes the file.
func (f *File) Close() error {
	var err error
	if f.regular {
		err = f.file.Sync()
	}
	return errors.Join(err, f.file.Close())
}
