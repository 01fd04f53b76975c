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

// opening is how every file of ours begins.
const opening = `{"schema":"` + Schema + `",`

// Options say how large a file may grow. The zero value never rotates.
type Options struct {
	MaxSize int64 // bytes before FILE becomes FILE.1; 0: no limit
	Keep    int   // how many rotated files stay
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
// It returns [ErrLocked] if another process has it open (on Unix), [ErrForeign] for a file that
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

func (f *File) open() error {
	file, err := os.OpenFile(f.path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil && info.Mode().IsRegular() {
		err = lock(file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", f.path, err), file.Close())
	}
	f.file, f.regular, f.size, f.begun = file, info.Mode().IsRegular(), info.Size(), false
	return nil
}

// repair ends a line that a killed writer left without its end.
func (f *File) repair() error {
	if !f.regular || f.size == 0 {
		return nil
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

// rotate renames FILE.1 to FILE.2 and so on, FILE to FILE.1, and begins a new FILE.
func (f *File) rotate() error {
	old := func(n int) string { return fmt.Sprintf("%s.%d", f.path, n) }
	if err := os.Remove(old(f.options.Keep)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for n := f.options.Keep - 1; n >= 1; n-- {
		if err := os.Rename(old(n), old(n+1)); err != nil && !errors.Is(err, os.ErrNotExist) {
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
