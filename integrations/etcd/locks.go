package main

import (
	"context"
	"slices"
	"sync"
)

// locks are those of a shard's keys, in its owner's memory: nobody else writes there. The zero value is ready to use.
type locks struct {
	mu   sync.Mutex
	keys map[string]*lock
}

type lock struct {
	held  chan struct{} // full while it is
	users int           // who hold it or wait for it
}

// acquire locks keys, in their order so that nobody waits in a circle, and returns what unlocks them. It returns the cause if ctx ends first.
func (l *locks) acquire(ctx context.Context, keys []string) (release func(), err error) {
	keys = slices.Compact(slices.Sorted(slices.Values(keys)))
	for i, key := range keys {
		select {
		case l.join(key).held <- struct{}{}:
		case <-ctx.Done():
			l.leave(key)
			l.release(keys[:i])
			return nil, context.Cause(ctx)
		}
	}
	return sync.OnceFunc(func() { l.release(keys) }), nil
}

func (l *locks) release(keys []string) {
	for _, key := range keys {
		<-l.leave(key).held
	}
}

func (l *locks) join(key string) *lock {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.keys == nil {
		l.keys = map[string]*lock{}
	}
	if l.keys[key] == nil {
		l.keys[key] = &lock{held: make(chan struct{}, 1)}
	}
	l.keys[key].users++
	return l.keys[key]
}

// leave takes a user away, and with the last one the lock.
func (l *locks) leave(key string) *lock {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.keys[key]
	if k.users--; k.users == 0 {
		delete(l.keys, key)
	}
	return k
}
