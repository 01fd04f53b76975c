package lease_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/fencing"
	"github.com/trueclock/trueclock/truetime/fencing/fencinghttp"
	"github.com/trueclock/trueclock/truetime/lease"
)

// holderConfig is what a child is told, in its environment.
type holderConfig struct {
	Service     string // of the store and the storage
	Nanos, True int64  // what the true time is: a line over the local clock of this machine
	Lean, Eps   time.Duration
}

const holderVariable = "LEASE_TEST_HOLDER"

// clock of a process of this machine, whose interval is the true time + Lean ± Eps.
func (c holderConfig) clock(t *testing.T) *truetime.Clock {
	t.Helper()
	local, err := truetime.NewLocalClock()
	require.NoError(t, err)
	r, err := local.Read()
	require.NoError(t, err)
	clock, middle := truetime.New(local, truetime.Options{}), c.True+int64(c.Lean)
	require.NoError(t, clock.Update(truetime.Bound{
		At:       r,
		Earliest: truetime.Line{At: c.Nanos, Nanos: middle - int64(c.Eps)},
		Latest:   truetime.Line{At: c.Nanos, Nanos: middle + int64(c.Eps)},
		Expires:  r.Nanos + int64(time.Hour),
	}, nil))
	return clock
}

// service is a store of leases and a storage of two files, one of which looks at tokens, behind HTTP.
type service struct {
	store lease.Memory
	mu    sync.Mutex
	files map[string]string
}

type swap struct{ Old, Next lease.Record }

func (s *service) handler(t *testing.T) http.Handler {
	register, err := fencing.Open(fencing.Options{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, register.Close()) })
	fenced, err := fencinghttp.Server(register, fencinghttp.Options{Resource: func(r *http.Request) string { return r.URL.Path }})
	require.NoError(t, err)
	write := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.files[r.URL.Path] = string(text)
	})
	mux := http.NewServeMux()
	mux.Handle("PUT /fenced", fenced(write))
	mux.Handle("PUT /bare", write)
	mux.HandleFunc("GET /lease", func(w http.ResponseWriter, r *http.Request) {
		record, _ := s.store.Read(r.Context(), "file")
		_ = json.NewEncoder(w).Encode(record)
	})
	mux.HandleFunc("POST /lease", func(w http.ResponseWriter, r *http.Request) {
		var change swap
		if err := json.NewDecoder(r.Body).Decode(&change); err != nil {
			w.WriteHeader(http.StatusBadRequest)
		} else if err := s.store.CompareAndSwap(r.Context(), "file", change.Old, change.Next); err != nil {
			w.WriteHeader(http.StatusConflict)
		}
	})
	return mux
}

func (s *service) file(path string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.files[path]
}

// remote is the store as its clients see it.
type remote struct{ url string }

func (r remote) Read(ctx context.Context, _ string) (record lease.Record, err error) {
	response, err := call(ctx, http.MethodGet, r.url+"/lease", nil)
	if err != nil {
		return record, err
	}
	defer response.Body.Close()
	return record, json.NewDecoder(response.Body).Decode(&record)
}

func (r remote) CompareAndSwap(ctx context.Context, _ string, old, next lease.Record) error {
	body, err := json.Marshal(swap{old, next})
	if err != nil {
		return err
	}
	response, err := call(ctx, http.MethodPost, r.url+"/lease", body)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusConflict:
		return lease.ErrConflict
	}
	return errors.New(response.Status)
}

func call(ctx context.Context, method, url string, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	plain := &http.Transport{DisableKeepAlives: true}
	return (&http.Client{Transport: fencinghttp.Transport(plain)}).Do(request)
}

// put writes a file with the token of ctx.
func put(ctx context.Context, url, text string) error {
	response, err := call(ctx, http.MethodPut, url, []byte(text))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return fencinghttp.Refused(response)
}

// said is what the child says when it has written, or not.
type said struct {
	Token, Highest fencing.Token
	Fenced, Use    string // errors
	Overran        bool
}

// TestGuard_Holder is the process that is stopped. As a test of its own it does nothing.
func TestGuard_Holder(t *testing.T) {
	text := os.Getenv(holderVariable)
	if text == "" {
		t.Skip("only as a child of other tests")
	}
	var c holderConfig
	require.NoError(t, json.Unmarshal([]byte(text), &c))
	g, err := lease.Acquire(t.Context(), c.clock(t), remote{c.Service}, "file", lease.Options{Holder: "the child", TTL: 500 * time.Millisecond})
	require.NoError(t, err)
	last := said{Token: g.Token()}
	err = g.Do(t.Context(), func(ctx context.Context, grant lease.Grant) error {
		if err := grant.Valid(); err != nil {
			return err
		}
		fmt.Println("checked")
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
		// Here it writes, and neither looks again nor at its context: the bytes may have been in the kernel already.
		ctx = context.WithoutCancel(ctx)
		if err := put(ctx, c.Service+"/bare", "by the child"); err != nil {
			return err
		}
		err := put(ctx, c.Service+"/fenced", "by the child")
		var stale *fencing.StaleError
		if errors.As(err, &stale) {
			last.Highest = stale.Highest
		}
		last.Fenced = fmt.Sprint(err)
		return nil
	})
	last.Use, last.Overran = fmt.Sprint(err), errors.As(err, new(*lease.OverranError))
	require.NoError(t, json.NewEncoder(os.Stdout).Encode(last))
	_ = g.Release(t.Context())
}

// TestGuard_StoppedBetweenCheckAndWrite is figures 8-4 and 8-5 with a real process: it is stopped by SIGSTOP between its check and its write, on
// a clock that is as far behind as it may be. The lease goes to somebody else, who writes; and then the first one goes on. The file that looks
// at tokens refuses it, and says which are which. The other one is overwritten.
func TestGuard_StoppedBetweenCheckAndWrite(t *testing.T) {
	local, err := truetime.NewLocalClock()
	require.NoError(t, err)
	r, err := local.Read()
	require.NoError(t, err)
	s := &service{files: map[string]string{}}
	server := httptest.NewServer(s.handler(t))
	t.Cleanup(server.Close) // before the register
	const ε = 20 * time.Millisecond
	c := holderConfig{Service: server.URL, Nanos: r.Nanos, True: time.Now().UnixNano(), Lean: -ε, Eps: ε}
	for range 3 {
		child, lines, in := holder(t, c)
		require.True(t, lines.Scan())
		require.Equal(t, "checked", lines.Text())
		require.NoError(t, child.Process.Signal(syscall.SIGSTOP))
		require.Eventually(t, func() bool { return stateOf(child.Process.Pid) == "T" }, 10*time.Second, time.Millisecond)

		other := c
		other.Lean = ε
		g, err := lease.Acquire(t.Context(), other.clock(t), remote{c.Service}, "file", lease.Options{Holder: "the other", TTL: 5 * time.Second})
		require.NoError(t, err)
		require.NoError(t, g.Do(t.Context(), func(ctx context.Context, _ lease.Grant) error {
			return errors.Join(put(ctx, c.Service+"/bare", "by the other"), put(ctx, c.Service+"/fenced", "by the other"))
		}))

		_, err = io.WriteString(in, "go on\n")
		require.NoError(t, err)
		require.NoError(t, child.Process.Signal(syscall.SIGCONT))
		require.True(t, lines.Scan())
		var last said
		require.NoError(t, json.Unmarshal(lines.Bytes(), &last), lines.Text())
		require.Less(t, last.Token, g.Token())
		require.Equal(t, g.Token(), last.Highest, last.Fenced)
		require.Contains(t, last.Fenced, fmt.Sprintf("token %v for", last.Token))
		require.True(t, last.Overran, last.Use)
		require.Equal(t, "by the other", s.file("/fenced"))
		require.Equal(t, "by the child", s.file("/bare"), "without a token the file is overwritten: so this test can fail")
		require.NoError(t, g.Release(t.Context()))
	}
}

// holder starts a child. Its output is read to the end and it is waited for when the test ends.
func holder(t *testing.T, c holderConfig) (*exec.Cmd, *bufio.Scanner, io.Writer) {
	t.Helper()
	text, err := json.Marshal(c)
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestGuard_Holder$", "-test.count=1")
	cmd.Env = append(os.Environ(), holderVariable+"="+string(text))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // which ends one that is stopped too
		for lines.Scan() {
		}
		_ = cmd.Wait()
	})
	return cmd, lines, in
}

// stateOf returns R, S, T, Z and so on.
func stateOf(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	return strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))[0]
}
