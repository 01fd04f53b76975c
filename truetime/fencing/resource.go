package fencing

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// resource is the gate before one resource. Many may write with the highest token at once. Who comes with a higher one lets
// nobody in after him, waits until those who write have left, and has his token made durable.
type resource struct {
	name string
	max  atomic.Uint64 // durable; it only rises

	mu      sync.Mutex
	writing int           // writes under way, all with the highest token
	wanting int           // who want a higher one
	raising Token         // it is being made durable; 0: none is
	ended   error         // of the register
	changed chan struct{} // nil if nobody waits; closed when there is something to look at
}

func (s *resource) highest() Token { return Token(s.max.Load()) }

// limits are those of the register.
type limits struct {
	step  uint64
	raise func(*resource) // has s.raising made durable, and calls settle
}

// admit returns nil when token is the highest one, and durable. For a write it is then counted, and leave must be called.
func (s *resource) admit(ctx context.Context, token Token, write bool, l limits) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	wants := false
	defer func() {
		if wants {
			s.wanting--
			s.wake()
		}
	}()
	for {
		highest := s.highest()
		switch {
		case s.ended != nil:
			return s.ended
		case token < highest:
			return &StaleError{Resource: s.name, Token: token, Highest: highest}
		case token == highest && !write:
			return nil
		case token == highest && wants: // no more
			wants = false
			s.wanting--
			s.wake()
			continue
		case token == highest && s.wanting == 0 && s.raising == 0: // who wanted that may have given up
			s.writing++
			return nil
		case token > highest && l.step > 0 && uint64(token-highest) > l.step:
			return &StepError{Resource: s.name, Token: token, Highest: highest, MaxStep: l.step}
		case token > highest && !wants:
			wants = true
			s.wanting++
		}
		if token > highest && s.writing == 0 && s.raising == 0 {
			s.raising = token
			l.raise(s)
		}
		if err := s.wait(ctx); err != nil {
			return err
		}
	}
}

// wait gives up the mutex until something has changed.
func (s *resource) wait(ctx context.Context) error {
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	changed := s.changed
	s.mu.Unlock()
	defer s.mu.Lock()
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("fencing: waiting for writes with an older token, or for the disk: %w", ctx.Err())
	}
}

// wake has those who wait look again. The caller holds the mutex.
func (s *resource) wake() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// leave ends a write.
func (s *resource) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writing--; s.writing == 0 {
		s.wake()
	}
}

// settle ends a raise, which was made durable or not.
func (s *resource) settle(durable bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if durable {
		s.max.Store(uint64(s.raising))
	}
	s.raising = 0
	s.wake()
}

// end refuses everything from now on.
func (s *resource) end(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == nil {
		s.ended = why
	}
	s.wake()
}

// drain returns when no write is under way; end was called before.
func (s *resource) drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.writing > 0 {
		_ = s.wait(context.Background())
	}
}
