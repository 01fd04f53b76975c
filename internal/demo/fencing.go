package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/trueclock/trueclock/truetime/fencing"
)

// fences: the tokens 33 and 34 of the textbook. The storage that has seen 34 refuses 33; and so it does after it was killed, if it made
// 34 durable before it said yes.
func fences(ctx context.Context, s *stage) error {
	t := newTable("THE STORAGE", "33", "34", "33", "KILLED AND STARTED AGAIN, 33")
	defer t.print(s)
	for _, kind := range []string{"forgetful", "durable"} {
		dir, err := os.MkdirTemp("", "clockctl-demo-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		said, err := s.askStorage(ctx, kind, dir, "33", "34", "33")
		if err != nil {
			return err
		}
		again, err := s.askStorage(ctx, kind, dir, "33")
		if err != nil {
			return err
		}
		said = append(said, again...)
		t.row(append([]string{map[string]string{"forgetful": "remembers in memory", "durable": "remembers on the disk"}[kind]}, said...)...)
		want := "yes yes refused refused"
		if kind == "forgetful" {
			want = "yes yes refused yes"
		}
		if got := strings.Join(said, " "); got != want {
			return fmt.Errorf("%s: %s, expected %s", kind, got, want)
		}
	}
	return nil
}

// askStorage starts a storage, sends it writes with these tokens, and kills it when it has answered.
func (s *stage) askStorage(ctx context.Context, kind, dir string, tokens ...string) ([]string, error) {
	p, err := s.spawn(ctx, "storage", kind, dir)
	if err != nil {
		return nil, err
	}
	var said []string
	for _, token := range tokens {
		if _, err := fmt.Fprintln(p.in, token); err != nil {
			return nil, errors.Join(err, p.kill())
		}
		answer, err := p.line()
		if err != nil {
			return nil, errors.Join(err, p.kill())
		}
		said = append(said, answer)
	}
	return said, p.kill()
}

// storage reads tokens and says whether it would write. It is killed.
func storage(ctx context.Context, in io.Reader, out io.Writer, args []string) error {
	if len(args) != 2 {
		return errors.New("storage needs a kind and a directory")
	}
	check, end, err := newStorage(ctx, args[0], args[1])
	if err != nil {
		return err
	}
	defer end()
	for lines := bufio.NewScanner(in); lines.Scan(); {
		token, err := fencing.Parse(lines.Text())
		if err != nil {
			return err
		}
		answer := "yes"
		var stale *fencing.StaleError
		if err := check(token); errors.As(err, &stale) {
			answer = "refused"
		} else if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out, answer); err != nil {
			return err
		}
	}
	return nil
}

// newStorage returns what judges tokens: a register, or the highest token in memory.
func newStorage(ctx context.Context, kind, dir string) (check func(fencing.Token) error, end func() error, err error) {
	if kind == "forgetful" {
		var highest fencing.Token
		return func(token fencing.Token) error {
			if token < highest {
				return &fencing.StaleError{Resource: "file", Token: token, Highest: highest}
			}
			highest = token
			return nil
		}, func() error { return nil }, nil
	}
	register, err := fencing.Open(fencing.Options{Dir: dir})
	if err != nil {
		return nil, nil, err
	}
	return func(token fencing.Token) error { return register.Check(ctx, "file", token) }, register.Close, nil
}
