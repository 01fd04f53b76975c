package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// newHelp is cobra's help, except that what it does not know is a usage error.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about any command",
		Long: `help shows what a command does, its flags and its exit codes: as COMMAND --help.

Exit codes: 0 shown, 64 there is no such command.`,
		Example: `  clockctl help probe
  clockctl help hlc parse`,
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
			if above, rest, err := cmd.Root().Find(args); err == nil && len(rest) == 0 {
				for _, sub := range above.Commands() {
					if sub.IsAvailableCommand() {
						names = append(names, cobra.CompletionWithDesc(sub.Name(), sub.Short))
					}
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return noSuchCommand(cmd.Root(), args)
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// noSuchCommand names what was typed, and what may have been meant by the first word that is no command.
func noSuchCommand(root *cobra.Command, args []string) error {
	above, hint := root, ""
	for _, word := range args {
		sub, _, err := above.Find([]string{word})
		if err != nil || sub == above {
			hint = meant(above, word)
			break
		}
		above = sub
	}
	return &usageError{fmt.Errorf("no command %q%s; %s --help lists them", strings.Join(args, " "), hint, above.CommandPath())}
}

// refuseUnknownHelp makes `clockctl nonsense --help` the mistake that `clockctl nonsense` is; cobra
// would show the help of the command above. The mistake is known once the command has run.
func refuseUnknownHelp(root *cobra.Command) *error {
	mistake, show := new(error), root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		if cmd.HasSubCommands() {
			*mistake = unknownCommand(cmd, cmd.Flags().Args())
		}
		if *mistake == nil {
			show(cmd, args)
		}
	})
	return mistake
}
