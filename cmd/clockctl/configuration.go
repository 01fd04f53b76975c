package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/trueclock/trueclock/internal/config"
	"github.com/trueclock/trueclock/ntpprobe"
)

// configuration is what the environment and the files say.
type configuration struct {
	getenv func(string) string
	files  []config.File // what an earlier one says wins
	places []place       // where files were looked for
}

type place struct {
	path  string
	found bool
}

// configure gives the flags of cmd that were not typed what the configuration says, and
// its context the configured servers.
func configure(cmd *cobra.Command, s streams) error {
	if len(settingsOf(cmd)) == 0 {
		return nil // completions and help work whatever the file says
	}
	c, err := loadConfiguration(cmd.Root(), s)
	if applied := c.apply(cmd); err == nil {
		err = applied // without its files it is the environment alone
	}
	if err != nil {
		return &usageError{err}
	}
	cmd.SetContext(context.WithValue(cmd.Context(), serversKey{}, c.servers()))
	return nil
}

// loadConfiguration reads the file that --config names, or those of the user and the
// system, as far as they are there.
func loadConfiguration(root *cobra.Command, s streams) (configuration, error) {
	c := configuration{getenv: s.getenv}
	known := settingKeys(root)
	flag := root.PersistentFlags().Lookup("config")
	named := flag.Value.String()
	if flag.Changed && named == "" {
		return c, errors.New("--config names no file")
	}
	if !flag.Changed {
		named = s.getenv(variable("config"))
	}
	paths := []string{config.UserPath(s.getenv), s.systemConfig}
	if named != "" {
		paths = []string{named}
	}
	for _, path := range paths {
		if path == "" {
			continue
		}
		file, err := config.Read(path, known)
		absent := errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) // HOME=/dev/null
		if err != nil && (named != "" || !absent) {
			return configuration{getenv: s.getenv}, err
		}
		c.places = append(c.places, place{path, err == nil})
		if err == nil {
			c.files = append(c.files, file)
		}
	}
	return c, nil
}

// value is what the configuration says of a setting.
type value struct {
	text string
	from origin
	rank int // 0: a flag; the lower, the stronger
}

// find looks for a setting: the environment before the files, and in each the command's own
// key before the shared one.
func (c configuration) find(s setting) (value, bool) {
	keys := []string{s.own}
	if s.shared != "" {
		keys = append(keys, s.shared)
	}
	for i, key := range keys {
		if text := c.getenv(variable(key)); text != "" { // empty is unset
			if key == s.shared && s.passesBy(text) {
				continue
			}
			return value{text, origin{"environment", variable(key)}, 1 + i}, true
		}
	}
	for n, file := range c.files {
		for i, key := range keys {
			if v, ok := file.Settings[key]; ok && !(key == s.shared && s.passesBy(v.Text)) {
				return value{v.Text, origin{"file", fmt.Sprintf("%s:%d", file.Path, v.Line)}, 3 + 2*n + i}, true
			}
		}
	}
	return value{}, false
}

// apply sets the flags that were not typed. --json is short for -o json, so the
// stronger of the two rules. The error names all values that their flags do not take.
func (c configuration) apply(cmd *cobra.Command) error {
	var mistakes []error
	found := map[string]value{}
	settings := settingsOf(cmd)
	for _, s := range settings {
		if s.flag.Changed {
			found[s.flag.Name] = value{}
		} else if v, ok := c.find(s); ok {
			found[s.flag.Name] = v
		}
	}
	short, isShort := found["json"]
	long, isLong := found["output"]
	for _, s := range settings {
		v, ok := found[s.flag.Name]
		beaten := isShort && isLong && (s.flag.Name == "output" && short.rank < long.rank || s.flag.Name == "json" && long.rank < short.rank)
		if !ok || v.rank == 0 || beaten {
			continue
		}
		if err := cmd.Flags().Set(s.flag.Name, v.text); err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s: %w", v.from.where, err))
			continue
		}
		annotate(s.flag, originKey, []string{v.from.kind, v.from.where})
	}
	return errors.Join(mistakes...)
}

// serversKey is the key of the configured servers in a context.
type serversKey struct{}

// servers are those of the first file that has any.
func (c configuration) servers() []ntpprobe.Server {
	for _, file := range c.files {
		if len(file.Servers) > 0 {
			servers := make([]ntpprobe.Server, len(file.Servers))
			for i, s := range file.Servers {
				servers[i] = s.Server
			}
			return servers
		}
	}
	return nil
}

// configuredServers are the servers that the configuration names.
func configuredServers(ctx context.Context) []ntpprobe.Server {
	servers, _ := ctx.Value(serversKey{}).([]ntpprobe.Server)
	return servers
}

// asConfigured gives servers that were named what the configuration says of them: domain,
// margin and so on.
func asConfigured(ctx context.Context, named []ntpprobe.Server) []ntpprobe.Server {
	known := map[string]ntpprobe.Server{}
	for _, server := range configuredServers(ctx) {
		known[canonical(server)] = server
	}
	for i, server := range named {
		if policy, ok := known[canonical(server)]; ok {
			policy.Address = server.Address
			named[i] = policy
		}
	}
	return named
}
