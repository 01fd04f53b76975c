package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func newMan(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "man [DIR]",
		Short: "Write the man pages",
		Long: `man writes a page for each command into DIR, which is made if it is missing, and
prints their names. Without DIR it prints the page of clockctl itself.

Exit codes: 0 done, 1 a page could not be written, 64 usage.`,
		Example: `  clockctl man
  clockctl man man1`,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch len(args) {
			case 0:
				return doc.GenMan(forMan(cmd.Root()), manHeader(), s.out)
			case 1:
				return writePages(s, forMan(cmd.Root()), args[0])
			}
			return &usageError{fmt.Errorf("%d arguments instead of a directory, or none", len(args))}
		},
	}
}

func writePages(s streams, root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return &usageError{err}
	}
	if err := doc.GenManTree(root, manHeader(), dir); err != nil {
		return err
	}
	for _, cmd := range everyCommand(root) {
		if cmd.HasParent() && !cmd.IsAvailableCommand() {
			continue // help is these pages
		}
		if _, err := fmt.Fprintln(s.out, filepath.Join(dir, strings.ReplaceAll(cmd.CommandPath(), " ", "-")+".1")); err != nil {
			return err
		}
	}
	return nil
}

// manHeader has the time of the commit, so that the pages of one version are the same
// wherever they are made.
func manHeader() *doc.GenManHeader {
	build := buildVersion()
	header := &doc.GenManHeader{Section: "1", Manual: "clockctl", Source: "clockctl"}
	if build.Version != nil {
		header.Source += " " + *build.Version
	}
	if build.At != nil {
		if at, err := time.Parse(time.RFC3339, *build.At); err == nil {
			header.Date = &at
		}
	}
	return header
}

// forMan makes the texts Markdown, of which the pages are made: a paragraph with an
// indented line stays as it is.
func forMan(root *cobra.Command) *cobra.Command {
	for _, cmd := range everyCommand(root) {
		cmd.DisableAutoGenTag = true
		paragraphs := strings.Split(cmd.Long, "\n\n")
		for i, text := range paragraphs {
			if strings.Contains("\n"+text, "\n  ") {
				paragraphs[i] = "    " + strings.ReplaceAll(strings.Trim(text, "\n"), "\n", "\n    ")
			}
		}
		cmd.Long = strings.Join(paragraphs, "\n\n")
	}
	return root
}
