package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/commitwait"
	"github.com/trueclock/trueclock/truetime/hybrid"
)

// layout is how a timestamp becomes a bigint: microseconds since 1970, and 9 bits below. With one bit more the last years
// of a Timestamp would be negative, and sort first. In SQL it is to_timestamp((commit_ts >> 9) / 1e6).
var layout = must(hlc.NewLayout(hlc.LayoutOptions{Name: "bigint", Ticks: 1, Nanos: 1000, LogicalBits: 9}))

func must(l hlc.Layout, err error) hlc.Layout {
	if err != nil {
		panic(err)
	}
	return l
}

// packed is ts as a bigint.
func packed(ts hlc.Timestamp) (int64, error) {
	n, err := layout.Pack(ts)
	return int64(n), err
}

// The row of an account is there to be locked, and never changes. What it held when is in its versions.
const schema = `
CREATE TABLE IF NOT EXISTS account (id bigint PRIMARY KEY);
CREATE TABLE IF NOT EXISTS version (
	account   bigint NOT NULL REFERENCES account,
	commit_ts bigint NOT NULL,
	balance   bigint NOT NULL CHECK (balance >= 0),
	PRIMARY KEY (account, commit_ts)
);
CREATE TABLE IF NOT EXISTS identity (id text PRIMARY KEY)`

// sessions is the application_name of all that writes, so that the next run can end them.
const sessions = "trueclock-shard"

// Shard is a database whose transactions commit in the order of real time, in their commit_ts.
type Shard struct {
	config    *pgx.ConnConfig
	identity  string    // of the database and the directory
	lock      *pgx.Conn // holds the database
	pool      *pgxpool.Pool
	clock     *truetime.Clock
	committer *commitwait.Committer
	bound     *hlc.Durable
	patience  time.Duration // for the answer to what decides: a client that leaves does not cut that short

	// commit is the Committer's Commit. Tests and benchmarks put something impatient there.
	commit func(ctx context.Context, apply func(context.Context, hlc.Timestamp) error, floors ...hlc.Timestamp) (hlc.Timestamp, error)

	closing context.Context
	end     context.CancelFunc
	mu      sync.Mutex     // nothing is added to work once it has ended
	work    sync.WaitGroup // what goes on after its client has left
}

// Config says where a shard is.
type Config struct {
	DSN   string          // see pgx
	Dir   string          // an existing directory for the bound of its timestamps: see hlc.DurableOptions
	Shard int             // its number in the bank
	Clock *truetime.Clock // of the machine that commits
	Conns int32           // that may be open at once, if that is more than what the DSN says
}

// BoundError reports a database that holds timestamps above the bound beside it: that one is of something else, or lost.
type BoundError struct{ Bound, Highest hlc.Timestamp }

func (e *BoundError) Error() string {
	return fmt.Sprintf("postgres: the database has a commit at %v, and the bound of its timestamps is only %v", e.Highest, e.Bound)
}

// OpenShard connects, makes the tables if they are not there, ends what an earlier run has left running, and begins above
// all that it assigned and read. Only one process may have a shard open: the directory's lock sees to that on one machine.
// Call Recover before anybody uses it.
func OpenShard(ctx context.Context, c Config) (_ *Shard, err error) {
	pool, err := pgxpool.ParseConfig(c.DSN)
	if err != nil {
		return nil, err
	}
	pool.MaxConns = max(pool.MaxConns, c.Conns)
	pool.ConnConfig.RuntimeParams["application_name"] = sessions
	s := &Shard{config: pool.ConnConfig.Copy(), clock: c.Clock, patience: 10 * time.Second}
	if c.Clock == nil {
		return nil, errors.New("postgres: a shard needs a clock")
	}
	s.closing, s.end = context.WithCancel(context.Background())
	// Nobody stamps events here: what counts is the bound, and how far ahead it may be is for the shard's clock to say.
	events, err := hybrid.New(c.Clock, hlc.Options{})
	if err != nil {
		return nil, err
	}
	if s.bound, err = hlc.OpenDurable(ctx, events, hlc.DurableOptions{Dir: c.Dir}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.unlock(), s.bound.Close())
		}
	}()
	if err := s.prepareDatabase(ctx, c); err != nil {
		return nil, err
	}
	s.committer, err = commitwait.New(c.Clock, nil, commitwait.Options{Layout: layout, Floor: s.bound.Recovery().Bound, Cover: s.bound.Cover})
	if err != nil {
		return nil, err
	}
	s.commit = s.committer.Commit
	s.pool, err = pgxpool.NewWithConfig(ctx, pool)
	return s, err
}

// prepareDatabase is what Open does with a connection of its own, which then holds the database.
func (s *Shard) prepareDatabase(ctx context.Context, c Config) error {
	conn, err := pgx.ConnectConfig(ctx, s.config)
	if err != nil {
		return err
	}
	s.lock = conn
	if err := suitable(ctx, conn); err != nil {
		return err
	}
	if err := hold(ctx, conn); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, schema); err != nil {
		return err
	}
	if s.identity, err = identify(ctx, conn, c.Dir, c.Shard); err != nil {
		return err
	}
	if err := s.boundHolds(ctx, conn); err != nil {
		return err
	}
	if s.identity == "" { // of neither yet, and they fit
		if s.identity, err = newIdentity(ctx, conn, c.Dir, c.Shard); err != nil {
			return err
		}
	}
	return endSessions(ctx, conn) // only now: who is refused harms nobody
}

// boundHolds refuses a database with timestamps above the bound: the directory is an old copy, or another's.
func (s *Shard) boundHolds(ctx context.Context, conn *pgx.Conn) error {
	var highest int64
	if err := conn.QueryRow(ctx, "SELECT coalesce(max(commit_ts), 0) FROM version").Scan(&highest); err != nil {
		return err
	}
	ts, err := layout.Unpack(uint64(highest))
	if err != nil {
		return err
	}
	if bound := s.bound.Recovery().Bound; ts.After(bound) {
		return &BoundError{Bound: bound, Highest: ts}
	}
	return nil
}

// suitable refuses a server on which COMMIT does not mean that the transaction is durable, or an old one.
func suitable(ctx context.Context, conn *pgx.Conn) error {
	var version, prepared int
	var fsync, synchronous string
	err := conn.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, current_setting('max_prepared_transactions')::int,
		current_setting('fsync'), current_setting('synchronous_commit')`).Scan(&version, &prepared, &fsync, &synchronous)
	switch {
	case err != nil:
		return err
	case version < 140000:
		return fmt.Errorf("postgres: the server is version %d, and 14 is needed", version/10000)
	case prepared == 0:
		return errors.New("postgres: max_prepared_transactions is 0 on the server")
	case fsync != "on" || synchronous == "off":
		return fmt.Errorf("postgres: fsync is %s and synchronous_commit is %s, so that a crash takes back what was acknowledged", fsync, synchronous)
	}
	return nil
}

// endSessions ends those of earlier runs: a COMMIT that is still under way there has a timestamp that this run may read above. The
// bound's lock says that no process is left that could begin another.
func endSessions(ctx context.Context, conn *pgx.Conn) error {
	const patience = 10_000 // ms
	var left int
	err := conn.QueryRow(ctx, `SELECT count(*) FILTER (WHERE NOT pg_terminate_backend(pid, $2)) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = $1 AND pid <> pg_backend_pid()`, sessions, patience).Scan(&left)
	if err == nil && left > 0 {
		err = fmt.Errorf("postgres: %d sessions of an earlier run do not end", left)
	}
	return err
}

// open has accounts exist.
func (s *Shard) open(ctx context.Context, accounts []int64) error {
	_, err := s.pool.Exec(ctx, "INSERT INTO account SELECT unnest($1::bigint[]) ON CONFLICT DO NOTHING", accounts)
	return err
}

// view returns what the accounts held at a snapshot, and its timestamp: it is the same whenever it is read again. Those without a
// version are not in it. Errors: those of Committer.Snapshot, and of the database.
func (s *Shard) view(ctx context.Context, mode commitwait.Mode, accounts []int64) (hlc.Timestamp, map[int64]int64, error) {
	ctx, cancel := s.whileOpen(ctx)
	defer cancel()
	ts, err := s.committer.Snapshot(ctx, mode)
	if err != nil {
		return hlc.Timestamp{}, nil, err
	}
	at, err := packed(ts)
	if err != nil {
		return hlc.Timestamp{}, nil, err
	}
	// Whatever is at or below ts has left the flight, so its COMMIT was answered, and this statement sees it.
	rows, err := s.pool.Query(ctx, balancesAt, at, accounts)
	if err != nil {
		return hlc.Timestamp{}, nil, err
	}
	balances, err := collect(rows)
	return ts, balances, err
}

// balancesAt are the highest versions at or below $1 of the accounts $2.
const balancesAt = `SELECT id, balance FROM unnest($2::bigint[]) AS id, LATERAL (
	SELECT balance FROM version WHERE account = id AND commit_ts <= $1 ORDER BY commit_ts DESC LIMIT 1) AS newest`

// collect reads pairs of account and balance.
func collect(rows pgx.Rows) (map[int64]int64, error) {
	balances := map[int64]int64{}
	var account, balance int64
	_, err := pgx.ForEachRow(rows, []any{&account, &balance}, func() error { balances[account] = balance; return nil })
	return balances, err
}

// stop ends what goes on in the background.
func (s *Shard) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end()
}

// Close ends all waits and what goes on in the background, and then the connections and the bound.
func (s *Shard) Close() error {
	err := s.committer.Close()
	s.stop()
	s.work.Wait()
	s.pool.Close()
	return errors.Join(err, s.unlock(), s.bound.Close())
}

// unlock lets go of the database. That the server has ended the connection is no error.
func (s *Shard) unlock() error {
	if s.lock != nil {
		_ = s.lock.Close(context.Background())
	}
	return nil
}

// whileOpen returns a context that also ends when the shard closes.
func (s *Shard) whileOpen(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.closing, cancel)
	return ctx, func() { stop(); cancel() }
}
