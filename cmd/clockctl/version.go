package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// buildJSON is the object of version; null is unknown.
type buildJSON struct {
	Schema   string     `json:"schema"`
	Version  *string    `json:"version"`
	Commit   *string    `json:"commit"`
	At       *string    `json:"commit_time"`
	Modified *bool      `json:"modified"` // built from a tree with changes beside the commit
	Go       string     `json:"go"`
	OS       string     `json:"os"`
	Arch     string     `json:"arch"`
	Error    *errorJSON `json:"error,omitempty"`
}

// buildVersion is what the Go command wrote into the program.
func buildVersion() buildJSON {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return versionOf(info)
}

func versionOf(info *debug.BuildInfo) buildJSON {
	b := buildJSON{Schema: schema, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.Version = &v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = ptr(s.Value)
		case "vcs.time":
			b.At = ptr(s.Value)
		case "vcs.modified":
			b.Modified = ptr(s.Value == "true")
		}
	}
	return b
}

// String is one line.
func (b buildJSON) String() string {
	version, commit := "of unknown version", "unknown"
	if b.Version != nil {
		version = *b.Version
	}
	if b.Commit != nil {
		commit = *b.Commit
	}
	if b.Modified != nil && *b.Modified {
		commit += " with changes"
	}
	return fmt.Sprintf("clockctl %s, commit %s, %s %s/%s", version, commit, b.Go, b.OS, b.Arch)
}

func newVersion(s streams) *cobra.Command {
	var o tableOrJSON
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version, the commit, and what it was built with",
		Long: `version prints what the Go command wrote into the program: the version of its
module, the commit and whether the tree had changes beside it, Go's version, and the
system it is for. What is unknown is null with -o json.

Exit codes: 0 done, 64 usage.`,
		Example: `  clockctl version
  clockctl version -o json`,
	}
	o.define(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.settle(cmd); err != nil {
			return refused(cmd, s, configuredJSON(cmd), err)
		}
		if len(args) > 0 {
			return refused(cmd, s, configuredJSON(cmd), &usageError{fmt.Errorf("version takes no argument")})
		}
		if o.output == "json" {
			return writeJSON(s.out, buildVersion())
		}
		_, err := fmt.Fprintln(s.out, buildVersion())
		return err
	}
	return cmd
}
