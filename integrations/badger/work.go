package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/integrations/badger/badgerstore"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// report is what a run has done.
type report struct {
	transfers, refused, conflicts int
	totals, again                 int // taken, and taken again
	tooOld                        int // not taken again, since they were not kept any more
	slow                          int // transfers and totals that took longer than the history, on a machine that stalls
	took                          time.Duration
}

func (r report) String() string {
	return fmt.Sprintf(`%d transfers (%.0f a second), %d more refused for want of money, %d times run again after a conflict
%d totals at snapshots, all of them right
%d taken again, and the same; %d were older than the history, and %d transfers and totals took longer than that`,
		r.transfers, float64(r.transfers)/r.took.Seconds(), r.refused, r.conflicts, r.totals, r.again, r.tooOld, r.slow)
}

// shift is one run of a bank, until it ends or something is wrong.
type shift struct {
	bank   *bank
	ctx    context.Context
	stop   context.CancelCauseFunc
	opened hlc.Timestamp

	mu     sync.Mutex
	report report
	kept   []audit // to be taken again, at most keep of them
}

const keep = 1000 // so that a run may be as long as it likes

var errOver = errors.New("the time is over")

// run has clients transfer money for a while, and auditors add it up in every mode, now and again; at the end the totals that
// are left are taken again.
func (b *bank) run(ctx context.Context, lasts time.Duration) (report, error) {
	opened, err := b.fill(ctx)
	if err != nil {
		return report{}, err
	}
	w := shift{bank: b, opened: opened}
	w.ctx, w.stop = context.WithCancelCause(ctx) // without a deadline, near which every wait would be refused
	defer w.stop(nil)
	defer time.AfterFunc(lasts, func() { w.stop(errOver) }).Stop()
	began := time.Now()
	var work sync.WaitGroup
	for range b.clients {
		work.Go(func() { w.until(w.transfer) })
	}
	for _, mode := range []commitwait.Mode{commitwait.Strong(), commitwait.ExactStaleness(50 * time.Millisecond), commitwait.MaxStaleness(time.Second)} {
		work.Go(func() { w.until(func() error { return w.audit(mode) }) })
	}
	work.Wait()
	if err := context.Cause(w.ctx); err != errOver {
		return w.report, err
	}
	w.report.took, w.report.conflicts = time.Since(began), b.store.Stats().Conflicts
	w.ctx = ctx
	for _, a := range slices.Clone(w.kept) {
		if err := w.again(a); err != nil {
			return w.report, err
		}
	}
	return w.report, nil
}

// until works until the shift is over; what goes wrong ends it.
func (w *shift) until(work func() error) {
	for w.ctx.Err() == nil {
		switch err := work(); {
		case errors.As(err, new(*badgerstore.TooOldError)):
			w.mu.Lock()
			w.report.slow++
			w.mu.Unlock()
		case err != nil:
			w.stop(err) // the first counts: after the end it is errOver
		}
	}
}

func (w *shift) transfer() error {
	err := w.bank.randomTransfer(w.ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case errors.Is(err, errTooPoor):
		w.report.refused++
		return nil
	case err == nil:
		w.report.transfers++
	}
	return err
}

// audit takes a total, and one of the earlier ones again.
func (w *shift) audit(mode commitwait.Mode) error {
	a, err := w.bank.total(w.ctx, mode.AtLeast(w.opened))
	if err != nil {
		return err
	}
	w.bank.say("total %016x %d %d", a.digest, a.ts.WallTime, a.ts.Logical)
	if err := w.again(w.keep(a)); err != nil {
		return err
	}
	return w.bank.store.Discard()
}

// keep keeps a total, in the place of a random one if there are enough, so that those kept are of any age, and returns one of them.
func (w *shift) keep(a audit) audit {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.report.totals++
	if len(w.kept) < keep {
		w.kept = append(w.kept, a)
	} else if i := rand.IntN(w.report.totals); i < keep {
		w.kept[i] = a
	}
	return w.kept[rand.IntN(len(w.kept))]
}

// again takes a total again. That it is not kept any more is no failure if it is older than the history.
func (w *shift) again(a audit) error {
	err := w.bank.again(w.ctx, a)
	var tooOld *badgerstore.TooOldError
	if !errors.As(err, &tooOld) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.report.again++
		return err
	}
	now, err := w.bank.total(w.ctx, commitwait.Strong())
	if err != nil {
		return err
	}
	if now.ts.Time().Sub(tooOld.Oldest.Time()) < w.bank.store.History() {
		return fmt.Errorf("the history is too short at %v: %v", now.ts, tooOld)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.report.tooOld++
	w.kept = slices.DeleteFunc(w.kept, func(kept audit) bool { return kept == a })
	return nil
}
