package badgerstore

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// TestRev_OpensAfterAKill that came between the creation of a file of Badger and its first byte (badger issue 2207; bank/shard/store.go knows).
func TestRev_OpensAfterAKill(t *testing.T) {
	for _, name := range []string{"00009.mem", "000009.vlog"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := opened(t, dir, 0, Options{})
			put(t, s, "k", "acknowledged")
			require.NoError(t, s.Close())
			require.NoError(t, os.WriteFile(filepath.Join(dir, "data", name), nil, 0o600))
			s, err := Open(t.Context(), dir, leaning(t, 0), Options{})
			require.NoError(t, err, "what was acknowledged is out of reach for ever")
			require.NoError(t, s.Close())
		})
	}
}

// TestRev_NothingIsAcknowledgedAfterAFailedSync: what Badger got after a commit whose sync has failed lies behind it in the log. The next sync says yes,
// and after a power cut the log ends before both.
func TestRev_NothingIsAcknowledgedAfterAFailedSync(t *testing.T) {
	s := opened(t, t.TempDir(), 0, Options{})
	txn, err := s.begin(s.committer.SafeTime(), true)
	require.NoError(t, err)
	require.NoError(t, txn.Set([]byte("k"), []byte("later")))
	_, err = s.committer.CommitInOrder(t.Context(), func(_ context.Context, ts hlc.Timestamp) (func() error, error) {
		durable, err := s.apply(txn, ts)
		_ = s.outcome(os.ErrDeadlineExceeded) // of the commit before this one
		return durable, err
	})
	txn.end()
	require.ErrorAs(t, err, new(*commitwait.OutcomeUnknownError), "acknowledged")
}
