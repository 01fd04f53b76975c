package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// IdentityError reports a database or a directory that is not the one that is meant: they were swapped, or one is lost.
type IdentityError struct{ Want, Database, Directory string }

func (e *IdentityError) Error() string {
	return fmt.Sprintf("postgres: the database is %q and the directory %q, of what should be %q", e.Database, e.Directory, e.Want)
}

// ErrInUse is returned when a shard already has the database.
var ErrInUse = errors.New("postgres: the database is in use by a shard")

// hold keeps other shards out of the database for as long as the connection lasts. The last run's may take a moment to end.
func hold(ctx context.Context, conn *pgx.Conn) error {
	const lockNotAvailable = "55P03"
	_, err := conn.Exec(ctx, "SET lock_timeout = '2s'; SELECT pg_advisory_lock(7526763017421); RESET lock_timeout")
	var e *pgconn.PgError
	if errors.As(err, &e) && e.Code == lockNotAvailable {
		return ErrInUse
	}
	return err
}

// identify compares the identities of the database and the directory. It returns "" if neither has one.
func identify(ctx context.Context, conn *pgx.Conn, dir string, shard int) (string, error) {
	kept, err := os.ReadFile(filepath.Join(dir, "identity"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	var there string
	if err := conn.QueryRow(ctx, "SELECT coalesce(max(id), '') FROM identity").Scan(&there); err != nil {
		return "", err
	}
	if there == "" && len(kept) == 0 {
		return "", nil
	}
	var random string
	var number int
	if _, err := fmt.Sscanf(there, "%d/%s", &number, &random); err != nil || there != string(kept) || number != shard {
		return "", &IdentityError{Want: fmt.Sprintf("%d/…", shard), Database: there, Directory: string(kept)}
	}
	return there, nil
}

// newIdentity gives both one. A crash in between leaves the directory with one and the database without, which is
// refused from then on: an empty database in the place of home's would undo what home decided.
func newIdentity(ctx context.Context, conn *pgx.Conn, dir string, shard int) (string, error) {
	id := fmt.Sprintf("%d/%s", shard, rand.Text())
	if err := keep(filepath.Join(dir, "identity"), id); err != nil {
		return "", err
	}
	_, err := conn.Exec(ctx, "INSERT INTO identity VALUES ($1)", id)
	return id, err
}

// keep writes a file that is on the disk when it returns.
func keep(name, content string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	return errors.Join(err, f.Sync(), f.Close())
}
