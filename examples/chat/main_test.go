package main

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/trueclock/trueclock/hlc"
)

// asProgram in the environment makes the test binary the program.
const asProgram = "CHAT_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

func process(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// event is one line of either process.
type event struct {
	at         hlc.Timestamp
	clock, who string
	what       string
}

func events(t *testing.T, lines []string) (events []event) {
	t.Helper()
	for _, line := range lines {
		fields := strings.Split(line, "\t")
		require.Len(t, fields, 4, line)
		at, err := hlc.ParseSortable(fields[0])
		require.NoError(t, err)
		events = append(events, event{at, fields[1], fields[2], fields[3]})
	}
	return events
}

// chat runs both processes until bob has ended, kills ann, and returns what each printed.
func chat(t *testing.T, ann, bob string) (anns, bobs []event) {
	t.Helper()
	listener := process(t.Context(), "-name", "ann", "-listen", "127.0.0.1:0", "-ahead", ann)
	out, err := listener.StdoutPipe()
	require.NoError(t, err)
	listener.Stderr = os.Stderr
	require.NoError(t, listener.Start())
	printed := bufio.NewScanner(out)
	require.True(t, printed.Scan(), "ann says where she listens")
	url, ok := strings.CutPrefix(printed.Text(), "# listening on ")
	require.True(t, ok, printed.Text())

	talker := process(t.Context(), "-name", "bob", "-to", url, "-ahead", bob)
	talker.Stderr = os.Stderr
	said, err := talker.Output()
	require.NoError(t, err)
	bobs = events(t, strings.Split(strings.TrimSpace(string(said)), "\n"))

	var heard []string
	for len(heard) < len(bobs) && printed.Scan() { // each has as many events
		heard = append(heard, printed.Text())
	}
	require.NoError(t, listener.Process.Kill())
	require.Error(t, listener.Wait(), "she was killed")
	return events(t, heard), bobs
}

// TestChat_TwoProcessesWhoseClocksDisagree: sorted by the timestamps, each line is said
// before it is heard and heard before it is answered, whoever's clock is ahead. Sorted by
// the clocks it is not.
func TestChat_TwoProcessesWhoseClocksDisagree(t *testing.T) {
	var conversation []string
	for _, line := range lines {
		conversation = append(conversation, "bob says "+line, "ann hears "+line, "ann says "+answers[line], "bob hears "+answers[line])
	}
	for _, c := range []struct{ why, ann, bob string }{
		{"ann is ahead", "20s", "0s"},
		{"bob is ahead", "0s", "20s"},
		{"both are wrong", "-10s", "10s"},
	} {
		anns, bobs := chat(t, c.ann, c.bob)
		all := slices.Concat(anns, bobs)
		order := func(compare func(a, b event) int) (told []string) {
			slices.SortStableFunc(all, compare)
			for _, e := range all {
				told = append(told, e.who+" "+e.what)
			}
			return told
		}
		require.Equal(t, conversation, order(func(a, b event) int { return a.at.Compare(b.at) }), c.why)
		for i := range all[1:] {
			require.True(t, all[i].at.Before(all[i+1].at), "%s: each event has a timestamp of its own", c.why)
		}
		require.NotEqual(t, conversation, order(func(a, b event) int { return strings.Compare(a.clock, b.clock) }), c.why)
	}
}

// TestChat_AClockThatIsTooFarAhead: ann refuses bob, and he hears why.
func TestChat_AClockThatIsTooFarAhead(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer read.Close()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"-name", "ann", "-listen", "127.0.0.1:0"}, write) }()
	where, err := bufio.NewReader(read).ReadString('\n')
	require.NoError(t, err)
	url := strings.TrimSpace(strings.TrimPrefix(where, "# listening on "))

	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-to", url, "-ahead", "1h"}, &out))
	require.Contains(t, out.String(), "hears hlc: remote timestamp")
	require.Contains(t, out.String(), "ahead of the local clock")
	stop()
	require.NoError(t, <-ended, "an interrupt ends her")
	require.NoError(t, write.Close())
}

func TestChat_Usage(t *testing.T) {
	require.ErrorContains(t, run(t.Context(), nil, nil), "-listen and -to")
}
