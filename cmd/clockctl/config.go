package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

func newConfig(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show the configuration and where each value comes from",
		Long: `config is about what the flags are when nobody types them. Strongest first:

  a flag
  an environment variable: CLOCKCTL_MAX_FAULTY is --max-faulty
  $XDG_CONFIG_HOME/clockctl/config.toml, else ~/.config/clockctl/config.toml
  /etc/clockctl/config.toml
  the default

--config FILE (CLOCKCTL_CONFIG) reads that file instead of the two. In a file the keys
have the names of the flags; those in a table named after a subcommand are for it
alone. An empty variable is none. An output for all holds for those subcommands that
have it. What says what is done, and not how, can only be typed.

  samples = 8
  max-drift = "50ppm"

  [probe]
  output = "wide"

  [[server]]
  address = "ntp1.example.net"
  domain = "rack 1"      # servers of one domain may lie together and count once
  margin = "100µs"       # is added to its claimed error
  scale = 2              # multiplies its root dispersion
  min_one_way = "50µs"   # least time on the way there, and back
  smear = "google24h"    # how it spreads leap seconds
  root_rounds_up = true  # it is a chronyd that you run
  private = true         # may be asked more often than every 16 s

The servers are asked when none is named; one that is named is what the file says of
it.`,
		Example: `  clockctl config show --origin`,
		Args:    unknownCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newConfigShow(s))
	return cmd
}

func newConfigShow(s streams) *cobra.Command {
	var o tableOrJSON
	var origins bool
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print every setting, as a configuration file",
		Long: `show prints what would hold without flags, as a file that could be read: defaults
as comments, and a key such as probe.output where subcommands differ. --origin adds
where each value comes from; -o json always has it. It also finds the mistakes: values
are read as their flags read them, and what holds without those that are wrong is
shown all the same.

Exit codes: 0 shown, 64 usage, or a file that cannot be read or has a mistake.`,
		Example: `  clockctl config show
  clockctl config show --origin
  clockctl config show -o json`,
	}
	o.define(cmd)
	cmd.Flags().BoolVar(&origins, "origin", false, "with the place of each value")
	onlyOnCommandLine(cmd, "origin")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		err := o.settle(cmd)
		if err == nil && len(args) > 0 {
			err = &usageError{fmt.Errorf("show takes no argument")}
		}
		if err != nil {
			return refused(cmd, s, configuredJSON(cmd), err)
		}
		c, err := loadConfiguration(cmd.Root(), s)
		if err != nil {
			return refused(cmd, s, configuredJSON(cmd), &usageError{err})
		}
		shown, err := c.settings(s)
		if err != nil {
			err = &usageError{err}
		}
		if o.output == "json" {
			return errors.Join(err, writeJSON(s.out, newConfigJSON(c, shown, err)))
		}
		return errors.Join(err, writeConfig(s.out, c, shown, origins))
	}
	return cmd
}
