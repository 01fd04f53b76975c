package main

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// TestTraps is what PostgreSQL accepts from whoever locks a row and then reads another table by it.
func TestTraps(t *testing.T) {
	t.Parallel()
	const inOne = "SELECT balance FROM account JOIN version ON account = id WHERE id = 0 ORDER BY commit_ts DESC LIMIT 1 FOR UPDATE OF account"
	for name, test := range map[string]struct {
		level      string
		statements []string
		sees       int64
	}{
		"READ COMMITTED, the lock and then the balance":  {"READ COMMITTED", []string{"SELECT FROM account WHERE id = 0 FOR UPDATE", newest}, 2},
		"READ COMMITTED, both in one statement":          {"READ COMMITTED", []string{inOne}, 1},
		"REPEATABLE READ, the lock and then the balance": {"REPEATABLE READ", []string{"SELECT FROM account WHERE id = 0 FOR UPDATE", newest}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := database(t)
			connect := func() *pgx.Conn {
				conn, err := pgx.Connect(t.Context(), dsn)
				require.NoError(t, err)
				t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
				return conn
			}
			exec := func(conn *pgx.Conn, sql string) {
				_, err := conn.Exec(t.Context(), sql)
				require.NoError(t, err)
			}
			first, second, watch := connect(), connect(), connect()
			exec(first, schema)
			exec(first, "INSERT INTO account VALUES (0); INSERT INTO version VALUES (0, 1, 1)")
			exec(first, "BEGIN")
			exec(first, "SELECT FROM account WHERE id = 0 FOR UPDATE")
			exec(first, "INSERT INTO version VALUES (0, 2, 2)")
			exec(second, "BEGIN ISOLATION LEVEL "+test.level)
			seen := make(chan int64, 1)
			go func() {
				defer close(seen)
				for i, sql := range test.statements {
					if i < len(test.statements)-1 {
						_, _ = second.Exec(t.Context(), sql)
						continue
					}
					var balance int64
					if err := second.QueryRow(t.Context(), sql).Scan(&balance); err == nil {
						seen <- balance
					}
				}
			}()
			require.Eventually(t, func() bool {
				var waiting bool
				err := watch.QueryRow(t.Context(), "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $1", int32(second.PgConn().PID())).Scan(&waiting)
				return err == nil && waiting
			}, 30*time.Second, 5*time.Millisecond)
			exec(first, "COMMIT")
			require.Equal(t, test.sees, <-seen)
		})
	}
}

const newest = "SELECT balance FROM version WHERE account = 0 ORDER BY commit_ts DESC LIMIT 1"

// TestTraps_SerializableIsAnotherOrder than that of the commits, and so than that of the timestamps, unless what is read is locked: here
// the second to commit has not seen the first.
func TestTraps_SerializableIsAnotherOrder(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	var conns [2]*pgx.Conn
	for i := range conns {
		conn, err := pgx.Connect(t.Context(), dsn)
		require.NoError(t, err)
		defer conn.Close(t.Context())
		conns[i] = conn
	}
	exec := func(i int, sql string) {
		_, err := conns[i].Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	exec(0, schema)
	exec(0, "INSERT INTO account VALUES (0), (1); INSERT INTO version VALUES (0, 1, 1)")
	for i := range conns {
		exec(i, "BEGIN ISOLATION LEVEL SERIALIZABLE")
	}
	var seen int
	require.NoError(t, conns[1].QueryRow(t.Context(), newest).Scan(&seen))
	exec(0, "INSERT INTO version VALUES (0, 2, 2)")
	exec(0, "COMMIT")
	exec(1, "INSERT INTO version VALUES (1, 3, 0)")
	exec(1, "COMMIT")
	require.Equal(t, 1, seen)
}
