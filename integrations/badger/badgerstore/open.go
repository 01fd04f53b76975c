package badgerstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/commitwait"
	"github.com/trueclock/trueclock/truetime/hybrid"
)

// layout is how a timestamp becomes one of Badger's versions: microseconds and 12 bits, until 2112. The committer assigns only what
// fits, so that no two commits get one version.
var layout = hlc.Kudu()

// DefaultHistory is what Options.History is if it is not set.
const DefaultHistory = time.Minute

// Options configures a [Store]. The zero value is ready to use.
type Options struct {
	// History is for how long snapshots can be read again; an Update may take half as long. It should be well above the longest
	// pause of the process; 0 means DefaultHistory.
	History time.Duration
	// Window is that of hlc.DurableOptions: after a crash the first commit may wait for as long. 0 means hlc.DefaultWindow.
	Window time.Duration
	// MaxUncertainty and MaxWait are those of commitwait.Options: commits that would take too long are refused.
	MaxUncertainty, MaxWait time.Duration
	// Unsynced acknowledges commits before they are on the disk. They survive a crash of the process, and not one of the machine.
	Unsynced bool
	// OnCommit, if set, is told of every commit that has become visible. It must not block.
	OnCommit func(commitwait.CommitStats)
}

// Open opens the store in dir, which exists: the database in data/ and the bound of its timestamps in clock/, which belong together. One process
// has it at a time. clock must be synchronised. Close the store.
//
// Errors: those of hlc.OpenDurable, above all [hlc.ErrLocked], and [hlc.ErrNoState] if there is data without its bound, since
// timestamps could then be assigned again; [*hlc.NoLatestError] if clock is not synchronised; those of Badger.
func Open(ctx context.Context, dir string, clock *truetime.Clock, o Options) (*Store, error) {
	if clock == nil || o.History < 0 {
		return nil, errors.New("badgerstore: Open needs a truetime.Clock, and a History that is not negative")
	}
	if o.History == 0 {
		o.History = DefaultHistory
	}
	bound, err := openBound(ctx, dir, clock, o.Window)
	if err != nil {
		return nil, err
	}
	committer, err := commitwait.New(clock, nil, commitwait.Options{
		Layout: layout, Floor: bound.Recovery().Bound, Cover: bound.Cover,
		MaxFloorLead:   2 * hlc.DefaultMaxLead, // the bound may lead by one after a crash
		MaxUncertainty: o.MaxUncertainty, MaxWait: o.MaxWait, OnCommit: o.OnCommit,
	})
	if err != nil {
		return nil, errors.Join(err, bound.Close())
	}
	s, err := openData(filepath.Join(dir, "data"), clock, committer, o)
	if err != nil {
		return nil, errors.Join(err, committer.Close(), bound.Close())
	}
	s.bound = bound
	return s, nil
}

// openBound opens the bound that all timestamps stay below, and restarts begin above. Its own clock stamps nothing.
func openBound(ctx context.Context, dir string, clock *truetime.Clock, window time.Duration) (*hlc.Durable, error) {
	events, err := hybrid.New(clock, hlc.Options{})
	if err != nil {
		return nil, err
	}
	_, err = os.Stat(filepath.Join(dir, "data"))
	hasData := err == nil
	sub := filepath.Join(dir, "clock")
	if err := os.Mkdir(sub, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("badgerstore: the directory of the bound: %w", err)
	}
	if err := syncDir(dir); err != nil {
		return nil, err
	}
	return hlc.OpenDurable(ctx, events, hlc.DurableOptions{Dir: sub, Window: window, Existing: hasData})
}

// syncDir makes the names in dir durable.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // it has no such thing
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// openData opens the database for a committer, which assigns above all that it holds.
func openData(dir string, clock *truetime.Clock, committer *commitwait.Committer, o Options) (*Store, error) {
	if err := removeEmpty(dir); err != nil {
		return nil, err
	}
	db, err := badger.OpenManaged(badger.DefaultOptions(dir).
		WithSyncWrites(!o.Unsynced).
		WithDetectConflicts(false). // see conflicts
		WithValueThreshold(MaxValue + 1).
		WithNumVersionsToKeep(1). // at or below the discard timestamp; above it all are kept
		WithLogger(nil))
	if err != nil {
		return nil, err
	}
	if err := syncDir(filepath.Dir(dir)); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s := &Store{
		db: db, clock: clock, committer: committer, history: o.History, unsynced: o.Unsynced,
		reading: holds{}, updating: holds{},
		conflicts: newConflicts(committer.SafeTime()), writing: make(chan struct{}, places), last: make(chan struct{}),
	}
	close(s.last)
	if s.discarded, err = readMark(db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// removeEmpty removes what a kill leaves when it comes between the creation of a file and its first byte, or when Badger has emptied a file
// whose content is elsewhere and is about to remove it. Badger does not open if it finds one (github.com/dgraph-io/badger/issues/2207).
func removeEmpty(dir string) error {
	files, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, file := range files {
		if kind := filepath.Ext(file.Name()); kind != ".mem" && kind != ".vlog" {
			continue
		}
		if info, err := file.Info(); err != nil || !info.Mode().IsRegular() || info.Size() > 0 {
			continue // what cannot be looked at is Badger's to report
		}
		if err := os.Remove(filepath.Join(dir, file.Name())); err != nil {
			return err
		}
	}
	return nil
}

// Close ends all waits with [commitwait.ErrClosed], returns when no View and Update runs any more, and closes the database and its bound. A
// restart then begins right above the last timestamp.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		s.closeErr = s.committer.Close()
		s.users.Wait()
		s.closeErr = errors.Join(s.closeErr, s.db.Close())
		if s.bound != nil {
			s.closeErr = errors.Join(s.closeErr, s.bound.Close())
		}
	})
	return s.closeErr
}
