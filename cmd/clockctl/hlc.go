package main

import "github.com/spf13/cobra"

func newHLC(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "hlc",
		Short:   "Hybrid timestamps, and the bound that a clock has saved",
		Example: `  clockctl hlc state inspect state`,
		Args:    unknownCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newHLCState(s))
	return cmd
}
