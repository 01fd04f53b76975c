package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/trueclock/trueclock/internal/config"
)

// A flag is also a setting, unless its command says otherwise: under its own name for
// all subcommands that have it, and in the table of the subcommand for that one.

// The annotations of a flag. settingKey holds the name under which it is shared; "" if it
// is only in its command's table; nothing at all if it is no setting.
const (
	settingKey = "clockctl_setting"
	originKey  = "clockctl_origin"
)

// onlyOnCommandLine keeps flags out of the configuration: those that say what is done, and
// not how.
func onlyOnCommandLine(cmd *cobra.Command, flags ...string) {
	for _, name := range flags {
		annotate(cmd.Flags().Lookup(name), settingKey, nil)
	}
}

// sharedAs makes a flag share its setting under another name than its own, or under
// none if key is "": where the same name means something else in other subcommands.
func sharedAs(cmd *cobra.Command, flag, key string) {
	annotate(cmd.Flags().Lookup(flag), settingKey, []string{key})
}

func annotate(f *pflag.Flag, key string, values []string) {
	if f.Annotations == nil {
		f.Annotations = map[string][]string{}
	}
	f.Annotations[key] = values
}

// setting is a flag as the configuration knows it.
type setting struct {
	flag   *pflag.Flag
	own    string // dotted key in the command's table: probe.samples
	shared string // key for all commands, or ""

	outputs []string // of the command
}

// formats are all outputs that a subcommand may have.
var formats = []string{"table", "wide", "json", "ndjson", "csv"}

// passesBy reports whether a shared value is for other subcommands: an output that this one lacks.
func (s setting) passesBy(text string) bool {
	switch s.flag.Name {
	case "output":
		return slices.Contains(formats, text) && !slices.Contains(s.outputs, text)
	case "json":
		wanted, err := strconv.ParseBool(text)
		return err == nil && wanted && !slices.Contains(s.outputs, "json")
	}
	return false
}

// settingsOf lists the settings of a command, in the order of its flags.
func settingsOf(cmd *cobra.Command) (settings []setting) {
	table := strings.Join(strings.Fields(cmd.CommandPath())[1:], ".")
	if table == "" {
		return nil // the root runs nothing
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		names, annotated := f.Annotations[settingKey]
		s := setting{flag: f, own: table + "." + f.Name, shared: f.Name, outputs: outputsOf(cmd)}
		switch {
		case f.Name == "help" || f.Name == "config", annotated && len(names) == 0:
			return
		case annotated:
			s.shared = names[0]
		}
		settings = append(settings, s)
	})
	return settings
}

// everyCommand lists a command and all below it.
func everyCommand(cmd *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{cmd}
	for _, sub := range cmd.Commands() {
		all = append(all, everyCommand(sub)...)
	}
	return all
}

// settingKeys are the keys that a configuration file may have.
func settingKeys(root *cobra.Command) config.Keys {
	keys := config.Keys{}
	for _, cmd := range everyCommand(root) {
		for _, s := range settingsOf(cmd) {
			if s.shared != "" {
				keys[s.shared] = nil
			}
			below, path := keys, strings.Split(s.own, ".")
			for _, table := range path[:len(path)-1] {
				if below[table] == nil {
					below[table] = config.Keys{}
				}
				below = below[table]
			}
			below[path[len(path)-1]] = nil
		}
	}
	return keys
}

// variable is the environment's name of a key: CLOCKCTL_PROBE_MAX_FAULTY.
func variable(key string) string {
	return "CLOCKCTL_" + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(key))
}

// origin is where the value of a flag comes from.
type origin struct {
	kind  string // default, file, environment, flag
	where string // the file with its line, or the variable
}

func originOf(f *pflag.Flag) origin {
	switch from := f.Annotations[originKey]; {
	case len(from) == 2:
		return origin{from[0], from[1]}
	case f.Changed:
		return origin{kind: "flag"}
	}
	return origin{kind: "default"}
}

// comesFrom says of each configured value that a complaint names where it stands, since it
// is not on the command line.
func comesFrom(cmd *cobra.Command, complaint string) string {
	words := strings.FieldsFunc(complaint, func(r rune) bool { return strings.ContainsRune(` "(),:;=`, r) })
	var notes string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		from := originOf(f)
		named := slices.Contains(words, f.Name) || slices.Contains(words, "--"+f.Name) ||
			f.Name == "max-faulty" && (slices.Contains(words, "faulty") || slices.Contains(words, "lie")) // as the library says it
		if named && from.where != "" && !strings.Contains(complaint, from.where) {
			notes += "; " + f.Name + " is from " + from.where
		}
	})
	return notes
}
