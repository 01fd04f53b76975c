package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// shells are those for which cobra writes completions.
var shells = []string{"bash", "zsh", "fish", "powershell"}

func newCompletion(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print a script that completes commands and flags in a shell",
		Long: `completion prints a script for the shell. For this shell only, or for ever:

  bash        source <(clockctl completion bash)
              clockctl completion bash >~/.local/share/bash-completion/completions/clockctl
              (needs the package bash-completion)
  zsh         source <(clockctl completion zsh)
              clockctl completion zsh >"${fpath[1]}/_clockctl"
  fish        clockctl completion fish | source
              clockctl completion fish >~/.config/fish/completions/clockctl.fish
  powershell  clockctl completion powershell | Out-String | Invoke-Expression
              (in $PROFILE: for ever)

Exit codes: 0 done, 64 usage.`,
		Example: `  clockctl completion bash
  clockctl completion fish`,
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &usageError{fmt.Errorf("name one shell: %s", strings.Join(shells, ", "))}
			}
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(s.out, true)
			case "zsh":
				return root.GenZshCompletion(s.out)
			case "fish":
				return root.GenFishCompletion(s.out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(s.out)
			}
			return &usageError{fmt.Errorf("unknown shell %q; use %s", args[0], strings.Join(shells, ", "))}
		},
	}
}

// completeValues lets shells complete what flags with few values may be, and no file names where
// none are wanted.
func completeValues(root *cobra.Command) {
	for _, cmd := range everyCommand(root) {
		for name, values := range map[string][]string{
			"output": nil, "color": {"auto", "always", "never"}, "layout": layoutNames(), "clock": {"wall", "local"}, "no-interval": {"critical", "unknown"},
		} {
			f := cmd.Flags().Lookup(name)
			if f == nil {
				continue
			}
			if name == "output" {
				values = outputsOf(cmd)
			}
			_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)) // the flag is there, and new
		}
		if cmd.ValidArgs == nil && cmd.ValidArgsFunction == nil && !strings.Contains(cmd.Use, "FILE") && !strings.Contains(cmd.Use, "DIR") {
			cmd.ValidArgsFunction = cobra.NoFileCompletions
		}
	}
}
