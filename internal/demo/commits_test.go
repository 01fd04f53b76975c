package demo

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/internal/history"
)

// tell runs one lesson in a world that was tampered with.
func tell(t *testing.T, o Options, name string, harm func(*stage)) error {
	t.Helper()
	lessons := Lessons()
	i := slices.IndexFunc(lessons, func(l Lesson) bool { return l.Name == name })
	require.GreaterOrEqual(t, i, 0, name)
	run := lessons[i].run
	lessons[i].run = func(ctx context.Context, s *stage) error { harm(s); return run(ctx, s) }
	if o.Out == nil {
		o.Out = io.Discard
	}
	o.ShowReport = quiet
	return Run(t.Context(), o, lessons[i:i+1])
}

// TestLessons_FailIfNothingGoesWrong: where a part of the rule, or the truth, should be missing, it is there; and the other way round.
func TestLessons_FailIfNothingGoesWrong(t *testing.T) {
	for name, c := range map[string]struct {
		lesson string
		harm   func(*rules, *stage)
		says   string
	}{
		"commits wait that should not":           {"commitwait", func(r *rules, _ *stage) { r.noWait = r.whole }, "without the wait, clocks wrong by +5ms and -5ms: there should have been a wrong order, and was not"},
		"commits do not wait that should":        {"commitwait", func(r *rules, _ *stage) { r.whole = r.noWait }, "had passed"},
		"clocks do not lie that should":          {"commitwait", func(_ *rules, s *stage) { s.falsehood = 1 }, "with the wait, clocks wrong by ±5ms, claim ±5ms: there should have been a wrong order"},
		"T1 waits that should not":               {"causal-reverse", func(r *rules, _ *stage) { r.noWait = r.whole }, "there should have been a reader of T2 without T1, and was not"},
		"T1 does not wait that should":           {"causal-reverse", func(r *rules, _ *stage) { r.whole = r.noWait }, "with the wait, clocks wrong by +5ms and -5ms: real time"},
		"shards do not lie that should":          {"causal-reverse", func(_ *rules, s *stage) { s.falsehood = 1 }, "with the wait, clocks wrong by ±5ms, claim ±5ms: there should have been a reader"},
		"auditors wait that should not":          {"snapshot", func(r *rules, _ *stage) { r.noBlock = r.whole }, "and no total was wrong"},
		"auditors close what they should not":    {"snapshot", func(r *rules, _ *stage) { r.noFloor = r.whole }, "and nothing changed"},
		"auditors do not wait that should":       {"snapshot", func(r *rules, _ *stage) { r.whole = r.noBlock }, "had a wrong total"},
		"auditors do not close what they should": {"snapshot", func(r *rules, _ *stage) { r.whole.floor = false }, "would read something else now"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tell(t, Options{Seed: 1}, c.lesson, func(s *stage) { c.harm(&s.rules, s) })
			require.ErrorAs(t, err, new(*FailedError))
			require.ErrorContains(t, err, c.says)
		})
	}
}

// TestJudge: each of its verdicts.
func TestJudge(t *testing.T) {
	for _, c := range []struct {
		why          string
		honest, sure bool
		wait         bool
		times        int
		fails        bool
	}{
		{"the rule held", true, true, true, 0, false},
		{"the rule was broken", true, true, true, 1, true},
		{"without the wait it happened", true, true, false, 1, false},
		{"without the wait it did not", true, true, false, 0, true},
		{"by chance it did not", true, false, false, 0, false},
		{"the clocks lied, and it happened", false, true, true, 3, false},
		{"the clocks lied for nothing", false, true, true, 0, true},
	} {
		err := judge(clocks{honest: c.honest, sure: c.sure}, c.wait, c.times, "it")
		require.Equal(t, c.fails, err != nil, "%s: %v", c.why, err)
	}
}

// TestRegister_Pictures: three of them, whole pages that need nothing from elsewhere.
func TestRegister_Pictures(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var out strings.Builder
	require.NoError(t, tell(t, Options{Out: &out, HTML: dir}, "commitwait", func(*stage) {}))
	for _, name := range []string{"without", "with", "lying"} {
		path := filepath.Join(dir, "commitwait-"+name+".html")
		page, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Contains(t, string(page), "write 1 by node A, stamped ")
		require.Contains(t, string(page), "</html>")
		require.NotRegexp(t, `(src|href)="?https?:`, string(page))
		require.Contains(t, out.String(), "picture: "+path)
	}
	require.NotContains(t, out.String(), "No picture was drawn")

	err := tell(t, Options{HTML: filepath.Join(dir, "absent")}, "commitwait", func(*stage) {})
	require.ErrorIs(t, err, os.ErrNotExist)
	out.Reset()
	require.NoError(t, tell(t, Options{Out: &out, HTML: dir}, "lww", func(*stage) {}))
	require.Contains(t, out.String(), "No picture was drawn")
}

// TestRegister_PorcupineCanTell: a read of what was overwritten before it began, and the same two calls side by side.
func TestRegister_PorcupineCanTell(t *testing.T) {
	seen := func(readBegan time.Duration) bool {
		x := func(value int64) map[string]int64 { return map[string]int64{"x": value} }
		o := &observer{ops: []history.Op{
			{Client: 0, Invoked: 0, Returned: 10, Writes: x(1)},
			{Client: 1, Invoked: 20, Returned: 30, Writes: x(2)},
			{Client: 2, Invoked: readBegan, Returned: 50, Reads: x(1)},
		}}
		return porcupine.CheckOperations(registerModel(0), o.calls())
	}
	require.True(t, seen(25))
	require.False(t, seen(35))
}

// TestRun_EndsWithItsContext wherever it is, with all that it has begun, which goleak sees.
func TestRun_EndsWithItsContext(t *testing.T) {
	why := errors.New("the user has seen enough")
	for lesson, moments := range map[string][]string{
		"commitwait":     {"Two nodes commit", "What the wait costs", "write and read a register"},
		"causal-reverse": {"T1 is acknowledged on shard 1"},
		"snapshot":       {"A bank on 3 nodes"},
	} {
		for _, moment := range moments {
			t.Run(moment, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithCancelCause(t.Context())
				watch := writer(func(b []byte) (int, error) {
					if strings.Contains(string(b), moment) {
						time.AfterFunc(30*time.Millisecond, func() { cancel(why) }) // in the midst of it
					}
					return len(b), nil
				})
				one := slices.DeleteFunc(Lessons(), func(l Lesson) bool { return l.Name != lesson })
				err := Run(ctx, Options{Out: watch, Child: child, ShowReport: quiet}, one)
				require.ErrorIs(t, err, why)
			})
		}
	}
}

// TestStore_ReadsTheNewestAtOrBelow whatever the order of the writes was.
func TestStore_ReadsTheNewestAtOrBelow(t *testing.T) {
	s := newStore()
	require.Zero(t, s.newest("x"))
	for _, at := range []int64{5, 1, 9, 3} {
		s.write(hlc.Timestamp{WallTime: at}, "x", at*10)
	}
	for at, want := range []int64{0, 10, 10, 30, 30, 50, 50, 50, 50, 90, 90} {
		require.Equal(t, want, s.read(hlc.Timestamp{WallTime: int64(at)}, "x"), "at %d", at)
	}
	require.Equal(t, int64(50), s.read(hlc.Timestamp{WallTime: 8, Logical: 7}, "x"))
	require.Equal(t, int64(90), s.newest("x"))
	require.Zero(t, s.newest("y"))
}

// TestTogether_JoinsAll: the first error ends the others, and is returned when they have ended.
func TestTogether_JoinsAll(t *testing.T) {
	broken, ended := errors.New("broken"), false
	err := together(t.Context(), func(context.Context) error { return broken }, func(ctx context.Context) error {
		<-ctx.Done()
		ended = true
		return ctx.Err()
	})
	require.ErrorIs(t, err, broken)
	require.True(t, ended)
	require.NoError(t, together(t.Context(), func(context.Context) error { return nil }))
}
