package shard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/integrations/bank/wire"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/commitwait"
	"github.com/trueclock/trueclock/truetime/hybrid"
)

// Shard is a running shard. Make one with Open.
type Shard struct {
	config    Config
	exit      func(code int)
	clock     *truetime.Clock
	committer *commitwait.Committer
	bound     *hlc.Durable
	store     *store
	locks     *locks
	peers     []wire.Peer

	mu      sync.Mutex
	votes   map[int64]*vote // whose decision has not been carried out here
	running map[int64]bool  // coordinated here, and not decided
	refused map[int64]bool  // somebody was told that they are aborted

	serving sync.RWMutex // read-locked by each request
	closed  bool         // behind it: no more are served

	ctx  context.Context // of all that goes on in the background
	stop context.CancelFunc
	work sync.WaitGroup
}

// Open opens the store in the directory of the configuration and takes up what the last run left undecided. The clock must be synchronised. The
// shard serves when Open has returned.
// exit ends the process, and does not return: it is called when the store fails.
func Open(ctx context.Context, c Config, clock *truetime.Clock, exit func(code int)) (_ *Shard, err error) {
	s := &Shard{config: c, exit: exit, clock: clock, locks: newLocks(), votes: map[int64]*vote{}, running: map[int64]bool{}, refused: map[int64]bool{}}
	client := wire.NewClient()
	for _, address := range c.Addresses {
		s.peers = append(s.peers, wire.Peer{Address: address, Client: client})
	}
	s.ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	for _, sub := range []string{"clock", "data"} {
		if err := os.MkdirAll(filepath.Join(c.Dir, sub), 0o700); err != nil {
			return nil, err
		}
	}
	events, err := hybrid.New(clock, hlc.Options{Layout: layout(), MaxLead: maxLead})
	if err != nil {
		return nil, err
	}
	s.bound, err = hlc.OpenDurable(ctx, events, hlc.DurableOptions{Dir: filepath.Join(c.Dir, "clock"), Node: uint64(c.Number), Window: boundWindow})
	if err != nil {
		return nil, err
	}
	s.committer, err = commitwait.New(clock, events, commitwait.Options{
		MaxUncertainty: maxUncertainty, MaxFloorLead: maxLead, Layout: layout(), Floor: s.bound.Recovery().Bound, Cover: s.bound.Cover,
	})
	if err != nil {
		return nil, err
	}
	if s.store, err = openStore(filepath.Join(c.Dir, "data")); err != nil {
		return nil, err
	}
	return s, s.recover(ctx)
}

// Close ends what goes on, and closes what is open.
func (s *Shard) Close() error {
	s.stop()
	var errs []error
	if s.committer != nil {
		errs = append(errs, s.committer.Close())
	}
	s.work.Wait()
	if s.store != nil {
		errs = append(errs, s.store.close())
	}
	if s.bound != nil {
		errs = append(errs, s.bound.Close())
	}
	for _, peer := range s.peers {
		peer.Client.CloseIdleConnections()
	}
	return errors.Join(errs...)
}

// Handler answers the requests of package wire.
func (s *Shard) Handler() http.Handler {
	mux := http.NewServeMux()
	wire.Handle(mux, wire.OpenPath, s.open)
	wire.Handle(mux, wire.TransferPath, s.transfer)
	wire.Handle(mux, wire.PreparePath, s.prepare)
	wire.Handle(mux, wire.DecidePath, func(ctx context.Context, d wire.Decision) (wire.Nothing, error) {
		return wire.Nothing{}, s.decided(ctx, d)
	})
	wire.Handle(mux, wire.AskPath, s.asked)
	wire.Handle(mux, wire.SnapshotPath, s.snapshot)
	wire.Handle(mux, wire.HistoryPath, s.history)
	wire.Handle(mux, wire.StatusPath, func(context.Context, wire.Nothing) (wire.Status, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return wire.Status{InDoubt: len(s.votes), Running: len(s.running)}, nil
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.serving.RLock()
		defer s.serving.RUnlock()
		if s.closed {
			http.Error(w, "closed", http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// mine says if an account lives here.
func (s *Shard) mine(account int) bool {
	return wire.ShardOf(account, len(s.config.Addresses)) == s.config.Number
}

// snapshot reads all accounts at one timestamp, for which it waits.
func (s *Shard) snapshot(ctx context.Context, q wire.Snapshot) (wire.View, error) {
	mode := commitwait.Strong()
	if !q.At.IsZero() {
		mode = commitwait.At(q.At)
	}
	ts, err := s.committer.Snapshot(ctx, mode)
	if err != nil || q.ChooseOnly {
		return wire.View{TS: ts}, err
	}
	version, err := layout().Pack(ts)
	if err != nil {
		return wire.View{}, err
	}
	accounts, err := s.store.accounts()
	if err != nil {
		return wire.View{}, err
	}
	entries, err := s.store.read(accounts, version)
	return wire.View{TS: ts, Entries: entries}, err
}

// history returns all versions up to a timestamp.
func (s *Shard) history(ctx context.Context, q wire.Snapshot) (wire.Versions, error) {
	ts, err := s.committer.Snapshot(ctx, commitwait.At(q.At))
	if err != nil {
		return nil, err
	}
	version, err := layout().Pack(ts)
	if err != nil {
		return nil, err
	}
	return s.store.versions(version)
}

// must ends the process when the store has failed: nobody knows then what is in it, and a restart finds out.
func (s *Shard) must(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "shard %d: the store failed: %v\n", s.config.Number, err)
		s.exit(1)
	}
}

// hangUp ends all waits, and returns when nobody is served any more.
func (s *Shard) hangUp(server *http.Server) {
	s.stop()
	_ = s.committer.Close()
	s.serving.Lock()
	s.closed = true
	s.serving.Unlock()
	_ = server.Close()
}

// Run is the process of a shard: it serves on the listener until ctx ends, and calls ready when it does. exit is that of Open.
func Run(ctx context.Context, c Config, listener net.Listener, ready func(), exit func(code int)) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	clock, ended, err := startClock(ctx, c)
	if err != nil {
		return err
	}
	defer func() { stop(); <-ended }()
	s, err := Open(ctx, c, clock, exit)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second}
	serving := make(chan error, 1)
	go func() { serving <- server.Serve(listener) }()
	ready()
	select {
	case err = <-serving:
	case <-ctx.Done():
		s.hangUp(server)
		<-serving
	}
	return errors.Join(err, s.Close())
}
