package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/chronyd"
)

// TestCompletion_ShellsTakeIt: the scripts are ones that each shell here can parse.
func TestCompletion_ShellsTakeIt(t *testing.T) {
	for shell, check := range map[string][]string{
		"bash": {"bash", "-n"}, "zsh": {"zsh", "-n"}, "fish": {"fish", "--no-execute"},
		"powershell": {"pwsh", "-NoProfile", "-Command", "$e = $null; [void][System.Management.Automation.Language.Parser]::ParseFile($args[0], [ref]$null, [ref]$e); exit $e.Count"},
	} {
		t.Run(shell, func(t *testing.T) {
			code, stdout, stderr := invoke(t.Context(), "completion", shell)
			require.Zero(t, code, stderr)
			require.Empty(t, stderr)
			require.Contains(t, stdout, "clockctl")
			path, err := exec.LookPath(check[0])
			if err != nil {
				t.Skip(check[0] + " is not installed") // whatever is required: few machines have all four
			}
			script := filepath.Join(t.TempDir(), "completion")
			require.NoError(t, os.WriteFile(script, []byte(stdout), 0o600))
			output, err := exec.CommandContext(t.Context(), path, append(check[1:], script)...).CombinedOutput()
			require.NoError(t, err, string(output))
		})
	}
}

// completed are words that the shells find, and what of a command line they find them for.
var completed = map[string][]string{
	"probe": {"pr"}, "hlc": {"h"}, "parse": {"hlc", "pa"}, "--max-faulty": {"probe", "--max-f"}, "ndjson": {"probe", "-o", "nd"}, "fish": {"completion", "fi"},
	"causal-reverse": {"demo", "ca"}, "tikv": {"hlc", "parse", "--layout", "ti"}, "repair": {"help", "hlc", "state", "re"}, "never": {"matrix", "--color", "n"},
	"table": {"watch", "-o", "ta"}, "unknown": {"check", "--no-interval", "unk"}, "local": {"plot", "--clock", "l"},
}

// TestCompletion_InFish does the same there; whatever is required, few machines have it.
func TestCompletion_InFish(t *testing.T) {
	fish, err := exec.LookPath("fish")
	if err != nil {
		t.Skip("fish is not installed (Debian: apt-get install fish)")
	}
	built, err := program()
	require.NoError(t, err)
	for want, words := range completed {
		line := "clockctl " + strings.Join(words, " ")
		cmd := exec.CommandContext(t.Context(), fish, "--no-config", "-c", `set -x PATH $argv[1] $PATH; clockctl completion fish | source; complete -C $argv[2]`, filepath.Dir(built), line)
		cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
		output, err := cmd.CombinedOutput()
		require.NoError(t, err, string(output))
		require.Regexp(t, `(?m)^`+want+`(\t|$)`, string(output), line)
	}
}

// TestCompletion_InBash loads the script into a shell and completes with it.
func TestCompletion_InBash(t *testing.T) {
	bash := chronyd.RequireProgram(t, "bash", "bash")
	built, err := program()
	require.NoError(t, err)
	const complete = `
source <("$1" completion bash)
PATH=${1%/*}:$PATH
COMP_WORDS=(clockctl "${@:2}"); COMP_CWORD=$(($# - 1)); COMP_LINE="clockctl ${*:2}"; COMP_POINT=${#COMP_LINE}
_get_comp_words_by_ref() { cur=${COMP_WORDS[COMP_CWORD]}; prev=${COMP_WORDS[COMP_CWORD-1]}; words=("${COMP_WORDS[@]}"); cword=$COMP_CWORD; }
__start_clockctl 2>/dev/null
printf '%s\n' "${COMPREPLY[@]}"`
	for want, words := range completed {
		output, err := exec.CommandContext(t.Context(), bash, append([]string{"--norc", "-c", complete, "bash", built}, words...)...).CombinedOutput()
		require.NoError(t, err, string(output))
		require.Contains(t, strings.Fields(string(output)), want, words)
	}
}

// TestMan_EachPageIsOne: a page for each command, which groff takes without a word.
func TestMan_EachPageIsOne(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new [1]", "man1")
	code, stdout, stderr := invoke(t.Context(), "man", dir)
	require.Zero(t, code, stderr)
	pages := strings.Split(strings.TrimSpace(stdout), "\n")
	written, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, pages, len(written), "it names what it wrote")
	for _, cmd := range everyCommand(newRoot(streams{}, nil)) {
		if cmd.Name() == "help" {
			continue // is these pages
		}
		page := filepath.Join(dir, strings.ReplaceAll(cmd.CommandPath(), " ", "-")+".1")
		require.Contains(t, pages, page)
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		require.NotContains(t, string(text), "cobra")
	}
	groff := chronyd.RequireProgram(t, "groff", "groff")
	for _, page := range pages {
		output, err := exec.CommandContext(t.Context(), groff, "-man", "-Tutf8", "-Kutf8", "-ww", "-z", page).CombinedOutput()
		require.NoError(t, err, string(output))
		require.Empty(t, string(output), page)
	}
}

// TestMan_Rendered: by man: what stands in columns in --help stands in columns there, and
// nothing is lost.
func TestMan_Rendered(t *testing.T) {
	man := chronyd.RequireProgram(t, "man", "man-db")
	dir := t.TempDir()
	code, _, stderr := invoke(t.Context(), "man", dir)
	require.Zero(t, code, stderr)
	show := func(name string) string {
		cmd := exec.CommandContext(t.Context(), man, "-E", "UTF-8", "-P", "cat", "-l", filepath.Join(dir, name+".1"))
		cmd.Env = append(os.Environ(), "MANWIDTH=120", "MAN_KEEP_FORMATTING=", "GROFF_NO_SGR=1", "MANROFFOPT=-c", "LC_ALL=C.UTF-8")
		output, err := cmd.Output()
		require.NoError(t, err)
		text := string(output)
		for i := strings.IndexByte(text, '\b'); i > 0; i = strings.IndexByte(text, '\b') { // bold by striking twice
			text = text[:i-1] + text[i+1:]
		}
		return text
	}
	require.Regexp(t, `State:  \* agreed   x falseticker, disproved by the others\n +! rejected, replies came and none was usable   \? unreachable\n`, show("clockctl-probe"))
	require.Contains(t, strings.Join(strings.Fields(show("clockctl-probe")), " "), "Exit codes: 0 there is an interval, 1 there is none, 64 usage")
	require.Regexp(t, `\n +1790000000\.123456789,7 +text; ",7" may be missing\n`, show("clockctl-hlc-parse"))
	require.Regexp(t, `\n +\[\[server\]\]\n +address = "ntp1.example.net"\n`, show("clockctl-config"))
}

// TestMan_WithoutADirectory prints the root's page.
func TestMan_WithoutADirectory(t *testing.T) {
	code, stdout, stderr := invoke(t.Context(), "man")
	require.Zero(t, code, stderr)
	require.Contains(t, stdout, `.TH "CLOCKCTL" "1"`)
	code, _, stderr = invoke(t.Context(), "man", "a", "b")
	require.Equal(t, 64, code)
	require.Contains(t, stderr, "2 arguments instead of a directory")
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	code, _, stderr = invoke(t.Context(), "man", file)
	require.Equal(t, 64, code)
	require.Contains(t, stderr, "not a directory")
}
