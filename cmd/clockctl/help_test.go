package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/internal/chronyc/chronyctest"
	"github.com/trueclock/trueclock/internal/demo"
	"github.com/trueclock/trueclock/internal/fleet"
)

// onLoopback replaces the servers of documentation by an embedded fleet.
func onLoopback(t *testing.T) *strings.Replacer {
	t.Helper()
	fake := "clockctl sources --address " + (&chronyctest.Fake{Sources: 1}).Start(t)
	pairs := []string{
		"clockctl sources --address 127.0.0.1:323", fake, "clockctl sources --socket /run/chrony/chronyd.sock", fake, "clockctl sources", fake,
	}
	for _, name := range []string{"ntp1", "ntp2", "ntp3", "ntp4"} {
		pairs = append(pairs, name+".example.net", startServer(t, fleet.Config{}))
	}
	return strings.NewReplacer(pairs...)
}

// TestHelp_EveryExampleRuns: what --help shows works as it stands.
func TestHelp_EveryExampleRuns(t *testing.T) {
	loopback := onLoopback(t)
	recorded, err := os.ReadFile("../../testdata/traces/loopback.ndjson")
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("fleet.txt", []byte(startServer(t, fleet.Config{})+" # of the examples\n"), 0o600))
	savedState(t, "state")
	nodes := peersOnLoopback(t)
	require.NoError(t, os.WriteFile("drift.ndjson", recorded, 0o600))
	run := func(cmd *cobra.Command) {
		for line := range strings.Lines(cmd.Example) {
			args := strings.Fields(loopback.Replace(nodes.Replace(line)))
			assert.Equal(t, "clockctl", args[0], line)
			if cmd.Name() == "serve" {
				args = onePort(args)
			}
			code, stdout, stderr := invokeOnce(t.Context(), args[1:]...)
			assert.Equal(t, 0, code, "%s\n%s%s", line, stdout, stderr)
			assert.NotEmpty(t, stdout, line)
		}
	}
	var all sync.WaitGroup // most of them wait for something
	defer all.Wait()
	free := make(chan struct{}, 4)
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		assert.NotEmpty(t, cmd.Example, "%s has no example", cmd.CommandPath())
		all.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			run(cmd)
		})
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(newRoot(streams{}, nil))
}

// onePort makes an example of serve listen on a free port.
func onePort(args []string) []string {
	for i, arg := range args {
		args[i] = strings.Replace(arg, ":10123", ":0", 1)
	}
	if !slices.Contains(args, "--listen") {
		args = append(args, "--listen", "127.0.0.1:0")
	}
	return args
}

// peersOnLoopback replaces the peers of documentation by servers of intervals.
func peersOnLoopback(t *testing.T) *strings.Replacer {
	t.Helper()
	var pairs []string
	for _, name := range []string{"node1", "node2", "node3"} {
		pairs = append(pairs, name+".example.net:10123", strings.TrimPrefix(peer(t, 0, 0), "http://"))
	}
	return strings.NewReplacer(pairs...)
}

// savedState makes a directory with the bound of a clock.
func savedState(t *testing.T, dir string) {
	t.Helper()
	require.NoError(t, os.Mkdir(dir, 0o700))
	clock, err := hlc.New(hlc.Options{})
	require.NoError(t, err)
	durable, err := hlc.OpenDurable(t.Context(), clock, hlc.DurableOptions{Dir: dir})
	require.NoError(t, err)
	require.NoError(t, durable.Close())
}

// readme returns the fenced blocks of README.md in one language.
func readme(t *testing.T, language string) (blocks []string) {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	for _, block := range strings.Split(string(text), "\n```"+language+"\n")[1:] {
		body, _, ok := strings.Cut(block, "\n```")
		require.True(t, ok)
		blocks = append(blocks, body)
	}
	require.NotEmpty(t, blocks)
	return blocks
}

// TestREADME_FrontDoor: the two commands are the first block, and the demo works.
// `go test ./...` is what runs this test.
func TestREADME_FrontDoor(t *testing.T) {
	require.Equal(t, []string{"go run ./cmd/clockctl demo", "go test ./..."}, strings.Split(readme(t, "sh")[0], "\n"))
	run := exec.CommandContext(t.Context(), "go", "run", "./cmd/clockctl", "demo")
	run.Dir = "../.."
	output, err := run.CombinedOutput()
	require.NoError(t, err, string(output))
	require.Equal(t, 17, strings.Count(string(output), "\n   ✓ it held\n"))
}

// TestREADME_OtherCommands: what cannot run without the Internet is checked for
// the form it must have; the commands of the console block run.
func TestREADME_OtherCommands(t *testing.T) {
	known := map[string]bool{
		"go run ./cmd/clockctl demo": true, "go test ./...": true,
		"go install github.com/trueclock/trueclock/cmd/clockctl@latest":    true, // needs the published module
		"go mod edit -replace github.com/trueclock/trueclock=../trueclock": true, // TestREADME_DependOnAClone
		"go mod tidy": true,
	}
	for _, block := range readme(t, "sh") {
		for line := range strings.Lines(block) {
			require.True(t, known[strings.TrimSpace(line)], "%q is in the README and no test runs it", line)
		}
	}
	loopback := onLoopback(t)
	for _, block := range readme(t, "console") {
		for line := range strings.Lines(block) {
			command, ok := strings.CutPrefix(line, "$ clockctl ")
			if !ok {
				continue
			}
			code, stdout, stderr := invoke(t.Context(), strings.Fields(loopback.Replace(command))...)
			require.Equal(t, 0, code, "%s\n%s%s", line, stdout, stderr)
		}
	}
}

// TestREADME_NamesEveryCommand, every library package and how many lessons there are.
func TestREADME_NamesEveryCommand(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	for _, cmd := range newRoot(streams{}, nil).Commands() {
		if cmd.Name() != "help" {
			require.Contains(t, string(text), "`"+cmd.Name()+"`")
		}
	}
	require.Contains(t, string(text), fmt.Sprintf(" %d lessons", len(demo.Lessons())))
	packages, err := filepath.Glob("../../truetime/*/doc.go")
	require.NoError(t, err)
	for _, doc := range packages {
		require.Contains(t, string(text), filepath.Base(filepath.Dir(doc)))
	}
}

// TestREADME_DependOnAClone does what the README says in a module of its own,
// and there compiles and runs the README's program.
func TestREADME_DependOnAClone(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a module")
	}
	clone, err := filepath.Abs("../..")
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(readme(t, "go")[0]), 0o600))
	do := func(name string, args ...string) string {
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir = dir
		output, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s %v\n%s", name, args, output)
		return string(output)
	}
	do("go", "mod", "init", "example.net/depends")
	do("go", "mod", "edit", "-replace", "github.com/trueclock/trueclock="+clone)
	do("go", "mod", "tidy")
	loopback := onLoopback(t)
	output := do("go", append([]string{"run", "."}, strings.Fields(loopback.Replace("ntp1.example.net ntp2.example.net ntp3.example.net ntp4.example.net"))...)...)
	require.Contains(t, output, "true time is in [20")
	require.Regexp(t, `has passed now: .* <nil>`, output)
}
