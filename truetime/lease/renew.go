package lease

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// keep renews the lease until it ends. It is the only goroutine; Release joins it, and it ends by itself when the lease is lost.
func (g *Guard) keep() {
	defer close(g.joined)
	for pause := time.Duration(0); ; pause = g.options.TTL / 16 {
		sleep(g.life, max(pause, g.untilRenewal()))
		if g.life.Err() != nil {
			return
		}
		_ = g.renew(g.life) // which keeps the reason
	}
}

// untilRenewal returns how long it is until half of the lease is left.
func (g *Guard) untilRenewal() time.Duration {
	left, err := g.remaining()
	if err != nil {
		return 0 // expired: it may still be had
	}
	return left - g.options.TTL/2
}

// renew swaps the record for one that is over later. Only when the store has said yes does the holder rely on the new
// expiry: until then, and for ever if the answer is lost, on the old one. A renewal of unknown outcome is made again as it was; the store says
// yes if it had been made already, and the next one is for longer.
//
// A lease that is expired may be renewed: if the record is still that of this grant, nobody was granted it in between.
func (g *Guard) renew(ctx context.Context) error {
	<-g.turn
	defer func() { g.turn <- struct{}{} }()
	old := g.state.Load().record
	if g.pending == (Record{}) {
		next, err := g.extended(old)
		if err != nil {
			return g.troubled(err)
		}
		g.pending = next
	}
	ctx, cancel := context.WithTimeout(ctx, g.options.TTL/4)
	defer cancel()
	switch err := g.store.CompareAndSwap(ctx, g.name, old, g.pending); {
	case err == nil:
		g.confirm(g.pending)
		g.pending = Record{}
		return nil
	case errors.Is(err, ErrConflict):
		lost := &LostError{Name: g.name, Token: old.Token}
		g.finish(lost)
		return lost
	default:
		return g.troubled(fmt.Errorf("lease: renewing %q: %w", g.name, err))
	}
}

func (g *Guard) extended(old Record) (Record, error) {
	now, err := g.clock.Now()
	if err != nil {
		return Record{}, &ClockError{Err: err}
	}
	next, err := old.renewed(now, g.options.TTL)
	if err == nil && next == old {
		err = errors.New("lease: the clock has not moved")
	}
	return next, err
}

// confirm relies on the record from now on.
func (g *Guard) confirm(r Record) { g.replace(func(s *state) { s.record, s.trouble = r, nil }) }

// troubled keeps why a renewal has failed, for who asks why the lease is expired.
func (g *Guard) troubled(err error) error {
	g.replace(func(s *state) { s.trouble = err })
	return err
}

func (g *Guard) replace(change func(*state)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := *g.state.Load()
	change(&s)
	g.state.Store(&s)
}

// giveBack leaves the token in the store, and nobody who holds it. The record there is the one that was confirmed, or the one of the
// renewal whose outcome is unknown. The caller has the turn.
func (g *Guard) giveBack(ctx context.Context) error {
	if g.given { // somebody else may have it by now
		return nil
	}
	old := g.state.Load().record
	err := g.store.CompareAndSwap(ctx, g.name, old, old.released())
	if errors.Is(err, ErrConflict) && g.pending != (Record{}) {
		err = g.store.CompareAndSwap(ctx, g.name, g.pending, old.released())
	}
	switch {
	case errors.Is(err, ErrConflict):
		return &LostError{Name: g.name, Token: old.Token}
	case err != nil:
		return fmt.Errorf("lease: giving %q back: %w", g.name, err)
	}
	g.given = true
	return nil
}
