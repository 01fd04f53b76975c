package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"time"

	"github.com/trueclock/trueclock/truetime/phi"
)

const (
	beat      = 20 * time.Millisecond
	threshold = 8
)

// accrual: how sure one may be that a peer is dead, from how regular it was. The same silence means more of a regular peer; a
// process that is stopped is suspected, and trusted again when it goes on; one whose port refuses is dead at once.
func accrual(ctx context.Context, s *stage) error {
	if err := s.phiTable(); err != nil {
		return err
	}
	return s.phiOfAProcess(ctx)
}

// phiTable is computed and not measured: two peers that beat every 100 ms, one more regularly than the other.
func (s *stage) phiTable() error {
	random := rand.New(rand.NewPCG(1, 1))
	histories := map[string]*phi.History{}
	for name, deviation := range map[string]float64{"regular": 5, "irregular": 40} {
		h, err := phi.NewHistory(phi.Options{First: 100 * time.Millisecond, MinStdDev: time.Millisecond})
		if err != nil {
			return err
		}
		for range 1000 {
			h.Add(time.Duration((100 + deviation*random.NormFloat64()) * float64(time.Millisecond)))
		}
		histories[name] = h
	}
	t := newTable("SILENCE", "φ OF A REGULAR PEER (100 ± 5 ms)", "OF AN IRREGULAR ONE (100 ± 40 ms)")
	regular, irregular := histories["regular"], histories["irregular"]
	for _, silence := range []time.Duration{100, 110, 125, 150, 300} {
		silence *= time.Millisecond
		t.row(silence.String(), fmt.Sprintf("%.1f", regular.Phi(silence)), fmt.Sprintf("%.1f", irregular.Phi(silence)))
	}
	quick, patient := regular.Timeout(threshold), irregular.Timeout(threshold)
	t.row(fmt.Sprintf("φ = %d after", threshold), quick.Round(time.Millisecond).String(), patient.Round(time.Millisecond).String())
	t.print(s)
	if quick >= patient || regular.Phi(150*time.Millisecond) < threshold || irregular.Phi(150*time.Millisecond) > 2 {
		return fmt.Errorf("a silence should mean more of a regular peer: φ = %d after %v and %v", threshold, quick, patient)
	}
	return nil
}

// phiOfAProcess watches a real one.
func (s *stage) phiOfAProcess(ctx context.Context) error {
	p, err := s.spawn(ctx, "beater")
	if err != nil {
		return err
	}
	defer p.kill()
	address, err := p.line()
	if err != nil {
		return err
	}
	d, err := phi.New(phi.Options{First: beat, Pause: 5 * beat}) // this machine may be busy with something else
	if err != nil {
		return err
	}
	heard := make(chan struct{}) // closed when it says no more
	go func() {
		defer close(heard)
		for range p.lines {
			d.Heartbeat()
		}
	}()
	until := func(want phi.State) (time.Duration, error) {
		began := time.Now()
		for d.State(threshold) != want {
			if time.Since(began) > 10*time.Second {
				return 0, fmt.Errorf("the peer is %v, and should be %v", d.State(threshold), want)
			}
			if err := sleep(ctx, time.Millisecond); err != nil {
				return 0, err
			}
		}
		return time.Since(began), nil
	}
	for range 50 { // learn
		if err := sleep(ctx, beat); err != nil {
			return err
		}
	}
	if _, err := until(phi.Trusted); err != nil {
		return err
	}
	if err := p.stop(); err != nil {
		return err
	}
	took, err := until(phi.Suspected)
	if err != nil {
		return err
	}
	s.say("   stopped    suspected after %v, and nobody knows whether it is dead or slow", took.Round(time.Millisecond))
	if err := p.resume(); err != nil {
		return err
	}
	if _, err = until(phi.Trusted); err != nil {
		return err
	}
	s.say("   goes on    trusted again with its next heartbeat")
	if err := p.Process.Kill(); err != nil {
		return err
	}
	<-heard // the port is closed, too
	_, err = new(net.Dialer).DialContext(ctx, "tcp", address)
	if !d.Down(err) || d.State(threshold) != phi.Suspected {
		return fmt.Errorf("a refused connection should have been enough: %v", err)
	}
	s.say("   killed     its port refuses: suspected at once")
	return nil
}

// beater prints where it listens, and then a line at each beat, until its input ends.
func beater(ctx context.Context, in io.Reader, out io.Writer, _ []string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	if _, err := fmt.Fprintln(out, listener.Addr()); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() { // ends with the process
		_, _ = bufio.NewReader(in).ReadByte()
		cancel(errors.New("its input has ended"))
	}()
	for {
		if err := sleep(ctx, beat); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out, "alive"); err != nil {
			return err
		}
	}
}
