package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/fencing"
	"github.com/trueclock/trueclock/truetime/lease"
)

const shortLease = 200 * time.Millisecond

// holding is what the process of the first holder is told.
type holding struct {
	Service, Path string // where it writes: /bare or /fenced
	Base          int64  // of its stage: true time − reading, of a local clock that all processes of this machine share
}

// leases is the textbook's loop: check the lease, then write. The process is stopped between the two, for longer than the
// lease lasts, and another one gets it and writes. No check helps: only a storage that looks at the tokens refuses the first one.
func leases(ctx context.Context, s *stage) error {
	t := newTable("THE FILE", "NODE 1 CHECKED ITS LEASE, WAS STOPPED, AND WROTE", "WHAT NODE 2 WROTE")
	defer t.print(s)
	for _, path := range []string{"/bare", "/fenced"} {
		if err := s.leaseRow(ctx, t, path); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) leaseRow(ctx context.Context, t *table, path string) error {
	dir, err := os.MkdirTemp("", "clockctl-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	service, err := s.startLeaseService(dir)
	if err != nil {
		return err
	}
	first, err := s.spawnHolder(ctx, holding{Service: service.url, Path: path, Base: s.base})
	if err != nil {
		return err
	}
	defer first.kill()
	if _, err := first.line(); err != nil { // it has checked
		return err
	}
	if err := first.stop(); err != nil {
		return err
	}
	second, err := s.clock(ε)
	if err != nil {
		return err
	}
	guard, err := lease.Acquire(ctx, second, remoteLease{service.url}, "file", lease.Options{Holder: "node 2", TTL: 10 * time.Second})
	if err != nil {
		return err
	}
	defer guard.Release(ctx) // nobody waits for it
	if err := guard.Do(ctx, func(ctx context.Context, _ lease.Grant) error { return writeFile(ctx, service.url+path, "node 2") }); err != nil {
		return err
	}
	if _, err := io.WriteString(first.in, "write\n"); err != nil {
		return err
	}
	if err := first.resume(); err != nil {
		return err
	}
	said, err := first.line()
	if err != nil {
		return err
	}
	fenced, kept := path == "/fenced", service.written() == "node 2"
	if kept != fenced {
		return fmt.Errorf("%s: node 1 %s, and the file is by %s", path, said, service.written())
	}
	t.row(map[bool]string{false: "looks at no token", true: "refuses lower tokens"}[fenced], said, map[bool]string{false: "is lost", true: "is there"}[kept])
	return nil
}

// spawnHolder starts the first holder.
func (s *stage) spawnHolder(ctx context.Context, h holding) (*process, error) {
	text, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	return s.spawn(ctx, "holder", string(text))
}

// holder, whose clock is as far behind as it may be, gets the lease, checks it, says so, and writes when it hears a line: by then it may have been stopped for any time.
func holder(ctx context.Context, in io.Reader, out io.Writer, args []string) error {
	var h holding
	if len(args) != 1 || json.Unmarshal([]byte(args[0]), &h) != nil {
		return errors.New("holder needs what it is told")
	}
	local, err := truetime.NewLocalClock()
	if err != nil {
		return err
	}
	clock, err := (&stage{local: local, base: h.Base}).clock(-ε)
	if err != nil {
		return err
	}
	guard, err := lease.Acquire(ctx, clock, remoteLease{h.Service}, "file", lease.Options{Holder: "node 1", TTL: shortLease})
	if err != nil {
		return err
	}
	_ = guard.Do(ctx, func(ctx context.Context, grant lease.Grant) error {
		if err := grant.Valid(); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out, "checked"); err != nil {
			return err
		}
		_, _ = bufio.NewReader(in).ReadString('\n')
		// It writes without another look, as whoever was stopped an instruction later would.
		var stale *fencing.StaleError
		switch err := writeFile(context.WithoutCancel(ctx), h.Service+h.Path, "node 1"); {
		case errors.As(err, &stale):
			_, err = fmt.Fprintln(out, "refused: the file has seen a higher token")
			return err
		case err != nil:
			return err
		}
		_, err := fmt.Fprintln(out, "written over it")
		return err
	})
	_ = guard.Release(ctx) // it is lost
	return nil
}
