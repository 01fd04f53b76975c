package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/trueclock/trueclock/ntpprobe"
)

// TestMain lets the test program be the processes that lessons start.
func TestMain(m *testing.M) {
	if role := os.Getenv("DEMO_TEST_CHILD"); role != "" {
		if err := Child(context.Background(), os.Stdin, os.Stdout, strings.Split(role, "\n")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func child(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), "DEMO_TEST_CHILD="+strings.Join(args, "\n"))
	cmd.Stderr = os.Stderr
	return cmd
}

func quiet(io.Writer, ntpprobe.Report) error { return nil }

// TestRun_EveryLessonHolds as a story, on several seeds; TestTranscripts runs each alone.
func TestRun_EveryLessonHolds(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			require.NoError(t, Run(t.Context(), Options{Out: &out, Seed: seed, Child: child, ShowReport: quiet}, Lessons()), "%s", &out)
			require.Equal(t, len(Lessons()), bytes.Count(out.Bytes(), []byte("✓ it held")))
		})
	}
}

// TestRun_ALessonCanFail: a bound that is a second off, two liars where one may lie, a printer that fails.
func TestRun_ALessonCanFail(t *testing.T) {
	t.Parallel()
	sabotage := func(name string, harm func(*stage)) error {
		for _, lesson := range Lessons() {
			if lesson.Name == name {
				run := lesson.run
				lesson.run = func(ctx context.Context, s *stage) error { harm(s); return run(ctx, s) }
				return Run(t.Context(), Options{Out: io.Discard, Child: child, ShowReport: quiet}, []Lesson{lesson})
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
	require.ErrorAs(t, sabotage("liar", func(s *stage) { s.mayLie = 1 }), &failed)
	full := errors.New("disk full")
	err := Run(t.Context(), Options{Out: io.Discard, ShowReport: func(io.Writer, ntpprobe.Report) error { return full }}, Lessons())
	require.ErrorIs(t, err, full)
	err = Run(t.Context(), Options{Out: writer(func([]byte) (int, error) { return 0, full }), Child: child, ShowReport: quiet}, lessonsNamed("lww"))
	require.ErrorIs(t, err, full, "what nobody can read was not told")
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

func lessonsNamed(names ...string) (list []Lesson) {
	for _, lesson := range Lessons() {
		if slices.Contains(names, lesson.Name) {
			list = append(list, lesson)
		}
	}
	return list
}
