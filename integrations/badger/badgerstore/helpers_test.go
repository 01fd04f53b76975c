package badgerstore

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/commitwait"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

const ε = 2 * time.Millisecond

// leaning returns a clock whose interval is the operating system's time + lean ± ε.
func leaning(t testing.TB, lean time.Duration) *truetime.Clock {
	t.Helper()
	local, err := truetime.NewLocalClock()
	require.NoError(t, err)
	clock := truetime.New(local, truetime.Options{})
	r, err := local.Read()
	require.NoError(t, err)
	require.NoError(t, clock.Update(truetimetest.Around(r, time.Now().Add(lean).UnixNano(), ε, 0), nil))
	return clock
}

// opened opens a store, which is closed at the end if it was not before.
func opened(t testing.TB, dir string, lean time.Duration, o Options) *Store {
	t.Helper()
	s, err := Open(context.WithoutCancel(t.Context()), dir, leaning(t, lean), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// covered opens a store whose timestamps are covered by cover.
func covered(t testing.TB, cover func(context.Context, hlc.Timestamp) error) *Store {
	t.Helper()
	clock := leaning(t, 0)
	c, err := commitwait.New(clock, nil, commitwait.Options{Layout: layout, Cover: cover})
	require.NoError(t, err)
	s, err := openData(filepath.Join(t.TempDir(), "data"), clock, c, Options{History: time.Minute, Unsynced: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// held opens a store whose commit is held between its assignment and its wait, if it was begun by start.
func held(t *testing.T) *Store {
	return covered(t, func(ctx context.Context, _ hlc.Timestamp) error {
		if g, ok := ctx.Value(gates{}).(*gates); ok {
			if g.calls++; g.calls == 2 { // the first one covers what it reads
				close(g.at)
				<-g.open
			}
		}
		return nil
	})
}

type gates struct {
	calls    int
	at, open chan struct{}
}

// start runs an Update that is held, and returns when it is assigned.
func start(t *testing.T, s *Store, change func(*Txn) error) (release func() hlc.Timestamp) {
	t.Helper()
	g := &gates{at: make(chan struct{}), open: make(chan struct{})}
	done := make(chan hlc.Timestamp)
	go func() {
		ts, err := s.Update(context.WithValue(t.Context(), gates{}, g), change)
		if err != nil {
			t.Error(err)
		}
		done <- ts
	}()
	<-g.at
	return func() hlc.Timestamp { close(g.open); return <-done }
}

// result is what an Update in the background returned.
type result struct {
	ts  hlc.Timestamp
	err error
}

// background runs an Update.
func background(t *testing.T, s *Store, change func(*Txn) error) <-chan result {
	done := make(chan result, 1)
	ctx := t.Context()
	go func() {
		ts, err := s.Update(ctx, change)
		done <- result{ts, err}
	}()
	return done
}

// set writes one key.
func set(key, value string) func(*Txn) error {
	return func(txn *Txn) error { return txn.Set([]byte(key), []byte(value)) }
}

// read reads one key; "" if it is not there.
func read(txn *Txn, key string) (string, error) {
	value, err := txn.Get([]byte(key))
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return string(value), err
}

// get reads one key at a snapshot; "" if it is not there.
func get(t testing.TB, s *Store, mode commitwait.Mode, key string) (ts hlc.Timestamp, value string) {
	t.Helper()
	ts, err := s.View(context.WithoutCancel(t.Context()), mode, func(txn *Txn) (err error) {
		value, err = read(txn, key)
		return err
	})
	require.NoError(t, err)
	return ts, value
}

// put writes one key.
func put(t testing.TB, s *Store, key, value string) hlc.Timestamp {
	t.Helper()
	ts, err := s.Update(context.WithoutCancel(t.Context()), set(key, value))
	require.NoError(t, err)
	return ts
}
