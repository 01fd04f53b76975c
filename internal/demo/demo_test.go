package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/trueclock/trueclock/ntpprobe"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func quiet(io.Writer, ntpprobe.Report) error { return nil }

// TestRun_EveryLessonHolds on several seeds, alone and as a story.
func TestRun_EveryLessonHolds(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			require.NoError(t, Run(t.Context(), Options{Out: &out, Seed: seed, ShowReport: quiet}, Lessons()), "%s", &out)
			require.Equal(t, len(Lessons()), bytes.Count(out.Bytes(), []byte("✓ it held")))
		})
	}
	for _, lesson := range Lessons() {
		t.Run(lesson.Name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, Run(t.Context(), Options{Out: io.Discard, Seed: 9, ShowReport: quiet}, []Lesson{lesson}))
		})
	}
}

// TestRun_ALessonCanFail: a bound that is a second off, a truth about the liar that is
// not true, a printer that fails.
func TestRun_ALessonCanFail(t *testing.T) {
	t.Parallel()
	sabotage := func(name string, harm func(*stage)) error {
		for _, lesson := range Lessons() {
			if lesson.Name == name {
				run := lesson.run
				lesson.run = func(ctx context.Context, s *stage) error { harm(s); return run(ctx, s) }
				return Run(t.Context(), Options{Out: io.Discard, ShowReport: quiet}, []Lesson{lesson})
			}
		}
		return nil
	}
	shift := func(s *stage) {
		_, err := s.measure(t.Context())
		require.NoError(t, err)
		s.report.Bound.Earliest.Nanos += 1e9
		s.report.Bound.Latest.Nanos += 1e9
	}
	var failed *FailedError
	require.ErrorAs(t, sabotage("uncertainty", shift), &failed)
	require.ErrorAs(t, sabotage("commitwait", func(s *stage) { shift(s); s.report.Bound.Earliest.Nanos += 2e9; s.report.Bound.Latest.Nanos += 2e9 }), &failed)
	require.ErrorAs(t, sabotage("liar", func(s *stage) { s.liar = 0 }), &failed)
	full := errors.New("disk full")
	err := Run(t.Context(), Options{Out: io.Discard, ShowReport: func(io.Writer, ntpprobe.Report) error { return full }}, Lessons())
	require.ErrorIs(t, err, full)
	err = Run(t.Context(), Options{Out: writer(func([]byte) (int, error) { return 0, full }), ShowReport: quiet}, Lessons()[2:3])
	require.ErrorIs(t, err, full, "what nobody can read was not told")
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }
