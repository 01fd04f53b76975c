package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// troupe keeps the processes that lessons start.
type troupe struct {
	mutex    sync.Mutex
	children []*exec.Cmd
}

func (tr *troupe) child(ctx context.Context, args ...string) *exec.Cmd {
	tr.mutex.Lock()
	defer tr.mutex.Unlock()
	tr.children = append(tr.children, child(ctx, args...))
	return tr.children[len(tr.children)-1]
}

// nothingIsLeft: all processes have ended and were waited for, and no directory is left. What goes on in this one goleak sees.
func (tr *troupe) nothingIsLeft(t *testing.T, why string) {
	for _, c := range tr.children {
		require.True(t, c.Process == nil || c.ProcessState != nil, "%s: the process %v is still there", why, c.Args)
	}
	left, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	require.Empty(t, left, "%s: a directory is left", why)
}

// TestRun_EndsAtAnyMoment: each lesson, when its context ends at a moment by chance, or when nobody can hear it any more after a line by
// chance. It ends with the reason, and nothing is left.
func TestRun_EndsAtAnyMoment(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	enough, closed := errors.New("the user has seen enough"), errors.New("a closed pipe")
	for _, lesson := range Lessons() {
		t.Run(lesson.Name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			for range 2 {
				after := time.Duration(random.Int64N(int64(600 * time.Millisecond)))
				why := fmt.Sprintf("seed %d, after %v", seed, after)
				ctx, cancel := context.WithCancelCause(t.Context())
				timer := time.AfterFunc(after, func() { cancel(enough) })
				var tr troupe
				err := Run(ctx, Options{Out: io.Discard, Child: tr.child, ShowReport: quiet}, lessonsNamed(lesson.Name))
				timer.Stop()
				cancel(nil)
				require.True(t, err == nil || err == enough, "%s: %v", why, err)
				tr.nothingIsLeft(t, why)
			}
			said, lines := 0, 3+random.IntN(12)
			out := writer(func(b []byte) (int, error) {
				if said++; said > lines {
					return 0, closed
				}
				return len(b), nil
			})
			var tr troupe
			err := Run(t.Context(), Options{Out: out, Child: tr.child, ShowReport: quiet}, lessonsNamed(lesson.Name))
			why := fmt.Sprintf("seed %d, after %d lines", seed, lines)
			require.True(t, err == nil && said <= lines || errors.Is(err, closed) && said == lines+1, "%s: %v after %d", why, err, said)
			tr.nothingIsLeft(t, why)
		})
	}
}
