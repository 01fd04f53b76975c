package badgerstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// record is a transaction that was acknowledged.
type record struct {
	transaction
	client      int
	kind        kind
	answer      seen
	call, reply time.Duration
}

type kind int

const (
	update kind = iota
	fresh       // View at a strong snapshot
	stale       // View of the past: in order by its timestamp alone
)

// random draws a transaction whose values are its own.
func random(r *rand.Rand, id int) (x transaction) {
	for i := range x.looks {
		x.looks[i] = r.IntN(2) == 0
		switch r.IntN(4) {
		case 0:
			x.writes[i] = gone
		case 1:
			x.writes[i] = id
		}
	}
	x.scan = r.IntN(4) == 0
	switch r.IntN(4) {
	case 0:
		x.writes = [3]int{} // it only looks
	case 1:
		x.looks, x.scan = [3]bool{}, false // blind
	}
	return x
}

func key(i int) string { return fmt.Sprint("key-", i) }

// look does what is to be read.
func (x transaction) look(txn *Txn) (w world, err error) {
	for i, wanted := range x.looks {
		if !wanted {
			continue
		}
		value, err := read(txn, key(i))
		if err != nil {
			return w, err
		}
		w[i], _ = strconv.Atoi(value)
	}
	if !x.scan {
		return w, nil
	}
	return w, txn.Scan([]byte("key-"), func(key, value []byte) error {
		i, err := strconv.Atoi(string(key[len("key-"):]))
		if err != nil {
			return err
		}
		w[i], err = strconv.Atoi(string(value))
		return err
	})
}

// write does what is to be written.
func (x transaction) write(txn *Txn) error {
	for i, value := range x.writes {
		var err error
		switch value {
		case 0:
		case gone:
			err = txn.Delete([]byte(key(i)))
		default:
			err = txn.Set([]byte(key(i)), []byte(strconv.Itoa(value)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// do runs the transaction: by View if it writes nothing and the dice say so, else by Update.
func (x transaction) do(ctx context.Context, s *Store, r *rand.Rand) (answer seen, k kind, err error) {
	view := func(mode commitwait.Mode) (ts hlc.Timestamp, err error) {
		return s.View(ctx, mode, func(txn *Txn) (err error) { answer.world, err = x.look(txn); return err })
	}
	if x.writes == [3]int{} {
		k = kind(r.IntN(3))
	}
	switch k {
	case fresh:
		answer.ts, err = view(commitwait.Strong())
	case stale:
		past := []commitwait.Mode{commitwait.MaxStaleness(time.Second), commitwait.ExactStaleness(time.Duration(r.Int64N(int64(50 * time.Millisecond))))}
		answer.ts, err = view(past[r.IntN(2)])
	default:
		answer.ts, err = s.Update(ctx, func(txn *Txn) (err error) {
			answer.world, err = x.look(txn)
			return errors.Join(err, x.write(txn))
		})
	}
	return answer, k, err
}

// work has clients run random transactions against a store, and adds them to the records.
type work struct {
	seed    uint64
	began   time.Time
	mu      sync.Mutex
	records []record
}

func newWork(t *testing.T) *work {
	w := &work{seed: uint64(time.Now().UnixNano()), began: time.Now()}
	t.Logf("seed %d", w.seed)
	return w
}

func (w *work) on(t *testing.T, s *Store) {
	const clients, each = 6, 25
	base := len(w.records)
	var clientsDone sync.WaitGroup
	for client := range clients {
		clientsDone.Go(func() {
			r := rand.New(rand.NewPCG(w.seed, uint64(base+client)))
			for i := range each {
				rec := record{transaction: random(r, 1+base+client*each+i), client: client, call: time.Since(w.began)}
				var err error
				rec.answer, rec.kind, err = rec.do(context.WithoutCancel(t.Context()), s, r)
				rec.reply = time.Since(w.began)
				if err != nil {
					t.Errorf("%+v: %v", rec, err)
					return
				}
				w.mu.Lock()
				w.records = append(w.records, rec)
				w.mu.Unlock()
			}
		})
	}
	clientsDone.Wait()
	again(t, s, w.records)
}

// check looks for an order in which each lies between its call and its reply, and demands that that of the timestamps is one.
func (w *work) check(t *testing.T) {
	replay(t, w.records)
	inRealTime(t, w.records)
	var history []porcupine.Operation
	for _, r := range w.records {
		if r.kind != stale {
			history = append(history, porcupine.Operation{ClientId: r.client, Input: r.transaction, Call: int64(r.call), Output: r.answer, Return: int64(r.reply)})
		}
	}
	require.Equal(t, porcupine.Ok, porcupine.CheckOperationsTimeout(model, history, time.Minute))
}

// TestStore_IsSerializableInTheOrderOfRealTime: random transactions over three keys by many clients, over clocks that lean and
// a store that restarts.
func TestStore_IsSerializableInTheOrderOfRealTime(t *testing.T) {
	w, dir := newWork(t), t.TempDir()
	r := rand.New(rand.NewPCG(w.seed, 1<<63))
	for range 3 {
		s := opened(t, dir, time.Duration(r.Int64N(int64(2*ε)))-ε, Options{})
		w.on(t, s)
		require.NoError(t, s.Close())
	}
	w.check(t)
}

// TestStore_IsSerializable_WhenCommitsAreLate: every third one is held up for up to 6ε between its assignment and its wait.
func TestStore_IsSerializable_WhenCommitsAreLate(t *testing.T) {
	w := newWork(t)
	w.on(t, covered(t, func(context.Context, hlc.Timestamp) error {
		if rand.IntN(3) == 0 {
			<-time.After(rand.N(6 * ε))
		}
		return nil
	}))
	w.check(t)
}

// replay runs the transactions one by one, in the order of their timestamps: each must be answered as it was. Snapshots
// come after the commit at their timestamp.
func replay(t *testing.T, records []record) {
	t.Helper()
	ordered := slices.Clone(records)
	slices.SortFunc(ordered, func(a, b record) int {
		return cmp.Or(a.answer.ts.Compare(b.answer.ts), int(a.kind-b.kind))
	})
	var w world
	for i, r := range ordered {
		var ok bool
		before := w
		if ok, w = r.happen(w, r.answer.world); !ok {
			t.Fatalf("in the order of the timestamps there is %v at %v, and it saw %+v", before, r.answer.ts, r)
		}
		if i > 0 && r.kind == update && ordered[i-1].kind == update {
			require.True(t, ordered[i-1].answer.ts.Before(r.answer.ts), "two commits at one timestamp")
		}
	}
}

// inRealTime demands that a commit that was called after another one's reply has a higher timestamp, and higher than all snapshots
// that were read before; and that a fresh snapshot is not below a commit that was acknowledged.
func inRealTime(t *testing.T, records []record) {
	t.Helper()
	for _, first := range records {
		for _, second := range records {
			switch {
			case first.reply >= second.call || second.kind == stale:
			case second.kind == fresh && first.kind != update:
			case second.kind == fresh:
				require.False(t, second.answer.ts.Before(first.answer.ts), "%+v\n%+v", first, second)
			default:
				require.True(t, second.answer.ts.After(first.answer.ts), "%+v\n%+v", first, second)
			}
		}
	}
}

// again reads what was read at a snapshot, of this run and those before, and what each commit left: it must be the same.
func again(t *testing.T, s *Store, records []record) {
	t.Helper()
	for _, r := range records {
		var w world
		_, err := s.View(t.Context(), commitwait.At(r.answer.ts), func(txn *Txn) (err error) { w, err = r.look(txn); return err })
		require.NoError(t, err)
		_, left := r.happen(r.answer.world, r.answer.world)
		for i := range left {
			if r.looks[i] || r.scan {
				require.Equal(t, left[i], w[i], "%+v", r)
			}
		}
	}
}
