package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/internal/config"
)

var update = flag.Bool("update", false, "write docs/clockctl.md's reference anew")

const (
	referencePath = "../../docs/clockctl.md"
	generated     = "<!-- From here on: go test ./cmd/clockctl -run Reference -update -->\n"
)

// TestReference_IsWhatTheProgramSays: each subcommand and each flag, in docs/clockctl.md.
func TestReference_IsWhatTheProgramSays(t *testing.T) {
	text, err := os.ReadFile(referencePath)
	require.NoError(t, err)
	before, have, ok := strings.Cut(string(text), generated)
	require.True(t, ok, "the line is missing behind which the reference stands")
	want := reference(newRoot(streams{}, nil))
	if *update {
		require.NoError(t, os.WriteFile(referencePath, []byte(before+generated+want), 0o600))
		return
	}
	require.Equal(t, want, have, "go test ./cmd/clockctl -run Reference -update")
}

// TestReference_KnowsEveryCommandAndFlag, counted another way: by what --help shows.
func TestReference_KnowsEveryCommandAndFlag(t *testing.T) {
	text, err := os.ReadFile(referencePath)
	require.NoError(t, err)
	for _, cmd := range everyCommand(newRoot(streams{}, nil)) {
		_, section, ok := strings.Cut(string(text), "\n### "+cmd.CommandPath()+"\n")
		require.True(t, ok, cmd.CommandPath())
		section, _, _ = strings.Cut(section, "\n### ")
		_, help, _ := invoke(t.Context(), append(strings.Fields(cmd.CommandPath())[1:], "--help")...)
		_, flags, _ := strings.Cut(help, "\nFlags:\n")
		flags, _, _ = strings.Cut(flags, "\n\n")
		for line := range strings.Lines(flags) {
			for word := range strings.FieldsSeq(line) {
				if name, ok := strings.CutPrefix(word, "--"); ok && name != "help" {
					require.Contains(t, section, "--"+name+"`", "%s %s", cmd.CommandPath(), word)
				}
				if strings.HasPrefix(word, "--") {
					break // the rest is text
				}
			}
		}
	}
}

// reference is Markdown: a section for each command, a row for each flag.
func reference(root *cobra.Command) string {
	var b strings.Builder
	for _, cmd := range everyCommand(root) {
		fmt.Fprintf(&b, "\n### %s\n\n%s.\n\n    %s\n\n```text\n%s\n```\n", cmd.CommandPath(), cmd.Short, cmd.UseLine(), cmd.Long)
		settings := map[string]setting{}
		for _, s := range settingsOf(cmd) {
			settings[s.flag.Name] = s
		}
		var rows string
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name == "help" || f.Hidden {
				return
			}
			rows += fmt.Sprintf("| %s | %s | %s | %s |\n", spelled(f), defaultValue(f), inConfiguration(f, settings), strings.ReplaceAll(f.Usage, "|", `\|`))
		})
		if rows != "" {
			b.WriteString("\n| flag | default | setting | meaning |\n|---|---|---|---|\n" + rows)
		}
		fmt.Fprintf(&b, "\n```sh\n%s\n```\n", strings.ReplaceAll(strings.TrimPrefix(cmd.Example, "  "), "\n  ", "\n"))
	}
	return b.String()
}

func spelled(f *pflag.Flag) string {
	if f.Shorthand != "" {
		return "`-" + f.Shorthand + "`, `--" + f.Name + "`"
	}
	return "`--" + f.Name + "`"
}

func defaultValue(f *pflag.Flag) string {
	if defaultInWords.MatchString(f.Usage) || f.DefValue == "" || f.DefValue == "false" {
		return "" // the text says it, or there is none
	}
	return "`" + f.DefValue + "`"
}

func inConfiguration(f *pflag.Flag, settings map[string]setting) string {
	s, ok := settings[f.Name]
	switch {
	case f.Name == "config":
		return "`CLOCKCTL_CONFIG`"
	case !ok:
		return "only typed"
	case s.shared == "":
		return "`" + s.own + "`"
	}
	return "`" + s.shared + "`"
}

// TestReference_ConfigurationsAreRead: what docs/clockctl.md and --help show as a file is one.
func TestReference_ConfigurationsAreRead(t *testing.T) {
	text, err := os.ReadFile(referencePath)
	require.NoError(t, err)
	known := settingKeys(newRoot(streams{}, nil))
	blocks := strings.Split(string(text), "\n```toml\n")[1:]
	require.NotEmpty(t, blocks)
	for _, block := range blocks {
		block, _, _ = strings.Cut(block, "\n```")
		file, err := config.Parse("docs", []byte(block), known)
		require.NoError(t, err, block)
		require.NotEmpty(t, file.Settings)
	}
	_, shown, ok := strings.Cut(newConfig(streams{}).Long, "typed.\n\n")
	require.True(t, ok)
	shown, _, ok = strings.Cut(shown, "\n\nThe servers are")
	require.True(t, ok)
	file, err := config.Parse("help", []byte(shown), known)
	require.NoError(t, err)
	require.Len(t, file.Servers, 1)
	require.Len(t, file.Servers[0].Lines(), 8, "every key of a server but auth")
}

// TestReference_NamesEverySchema and no other.
func TestReference_NamesEverySchema(t *testing.T) {
	text, err := os.ReadFile(referencePath)
	require.NoError(t, err)
	files, err := filepath.Glob("../../docs/schema/*.json")
	require.NoError(t, err)
	for _, file := range files {
		require.Contains(t, string(text), "(schema/"+filepath.Base(file)+")")
	}
	require.Equal(t, len(files), strings.Count(string(text), "(schema/"))
}
