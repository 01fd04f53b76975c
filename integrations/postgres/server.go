package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrNoServer: PostgreSQL is not installed here.
var ErrNoServer = errors.New("postgres: no initdb and postgres in PATH or /usr/lib/postgresql/*/bin (Debian: apt-get install postgresql)")

// Server is a PostgreSQL of our own in a temporary directory. It listens on a Unix socket in there and nowhere else, so that
// no port can be taken.
type Server struct {
	dir, bin string
	owner    *owner
	cmd      *exec.Cmd
	exited   chan struct{}
	log      []string // its last lines; read it after exited
}

// owner is whom the server runs as: it refuses to run as root.
type owner struct{ uid, gid int }

// NewServer makes a new cluster and starts it. Stop it. It returns ErrNoServer where PostgreSQL is not installed.
func NewServer(ctx context.Context) (_ *Server, err error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pg") // a short path, since the socket goes there
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, bin: bin}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	if os.Geteuid() == 0 {
		if s.owner, err = unprivileged(); err != nil {
			return nil, err
		}
		if err := os.Chown(dir, s.owner.uid, s.owner.gid); err != nil {
			return nil, err
		}
	}
	initdb := s.command(ctx, "initdb", "-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return s, s.Start(ctx)
}

// binaries returns the directory of initdb and postgres, of the newest version.
func binaries() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", ErrNoServer
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
		return n
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
}

// unprivileged returns the user postgres, or nobody.
func unprivileged() (*owner, error) {
	found, err := user.Lookup("postgres")
	if err != nil {
		if found, err = user.Lookup("nobody"); err != nil {
			return nil, err
		}
	}
	uid, err := strconv.Atoi(found.Uid)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.Atoi(found.Gid)
	return &owner{uid, gid}, err
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, name), args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.SysProcAttr = attributes(s.owner)
	return cmd
}

// Start starts a cluster that was stopped, and returns when it takes connections.
func (s *Server) Start(ctx context.Context) error {
	args := []string{"-D", s.data()}
	for name, value := range map[string]string{
		"listen_addresses": "", "unix_socket_directories": s.dir,
		"max_connections": "400", "max_prepared_transactions": "100", "fsync": "on",
	} {
		args = append(args, "-c", name+"="+value)
	}
	s.cmd = s.command(context.WithoutCancel(ctx), "postgres", args...)
	log, err := s.cmd.StderrPipe()
	if err != nil {
		return err
	}
	s.exited = make(chan struct{})
	ready, started := make(chan struct{}), make(chan error)
	go func() {
		runtime.LockOSThread() // the server ends with this thread, if the program does not stop it
		if err := s.cmd.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		s.follow(log, ready)
		_ = s.cmd.Wait()
		close(s.exited)
	}()
	if err := <-started; err != nil {
		return err
	}
	select {
	case <-ready:
		return nil
	case <-s.exited:
		return fmt.Errorf("postgres has exited:\n%s", strings.Join(s.log, "\n"))
	case <-ctx.Done():
		return errors.Join(context.Cause(ctx), s.Crash())
	}
}

// follow reads the log to its end.
func (s *Server) follow(log io.Reader, ready chan struct{}) {
	const kept = 50
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		s.log = append(s.log[max(0, len(s.log)-kept):], lines.Text())
		if ready != nil && strings.Contains(lines.Text(), "ready to accept connections") {
			close(ready)
			ready = nil
		}
	}
	_, _ = io.Copy(io.Discard, log) // after a line that is too long, for the server waits for its log to be read
}

// DSN is how to connect to a database.
func (s *Server) DSN(database string) string {
	return fmt.Sprintf("host=%s user=postgres dbname=%s sslmode=disable", s.dir, database)
}

// Create makes a database.
func (s *Server) Create(ctx context.Context, database string) error {
	conn, err := pgx.Connect(ctx, s.DSN("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{database}.Sanitize())
	return err
}

// Stop ends the server, and all its sessions, and removes the cluster.
func (s *Server) Stop() error { return errors.Join(s.Crash(), os.RemoveAll(s.dir)) }

// Crash ends the server at once, without a checkpoint. Start recovers from its log.
func (s *Server) Crash() error {
	const patience = 30 * time.Second
	_ = s.cmd.Process.Signal(syscall.SIGQUIT) // it may have exited already
	select {
	case <-s.exited:
		return nil
	case <-time.After(patience):
		err := s.cmd.Process.Kill()
		<-s.exited
		return errors.Join(fmt.Errorf("postgres did not end within %v", patience), err)
	}
}
