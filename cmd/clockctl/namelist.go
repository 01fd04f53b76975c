package main

import "strings"

// nameList is a flag of names, with commas between them or given several times. What it prints is what it reads, so that
// config show can be a configuration.
type nameList []string

func (l *nameList) String() string { return strings.Join(*l, ",") }

func (l *nameList) Type() string { return "names" }

// Set adds names.
func (l *nameList) Set(text string) error {
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name != "" {
			*l = append(*l, name)
		}
	}
	return nil
}
