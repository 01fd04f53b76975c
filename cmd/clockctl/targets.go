package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/trueclock/trueclock/ntpprobe"
)

// Far beyond what a file of targets has in it, and little memory.
const (
	longestLine = 64 << 10
	longestName = 300
	mostTargets = 100_000
)

// readTargets reads servers from a file, "-" for standard input. An interruption does not wait for
// who writes at the other end of a pipe; the reading then ends with the process.
func readTargets(ctx context.Context, s streams, name string) (targets []ntpprobe.Server, err error) {
	done := make(chan struct{})
	var read []ntpprobe.Server
	var failure error
	go func() { read, failure = openTargets(s, name); close(done) }()
	select {
	case <-done:
		return read, failure
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func openTargets(s streams, name string) ([]ntpprobe.Server, error) {
	if name == "-" {
		return parseTargets(s.in, "standard input")
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, &usageError{fmt.Errorf("--targets: %w", err)}
	}
	defer file.Close()
	return parseTargets(file, name)
}

// parseTargets takes one server a line, blank lines and what follows # left out, and the mark that
// some editors put before the first.
func parseTargets(in io.Reader, where string) (targets []ntpprobe.Server, err error) {
	refuse := func(format string, a ...any) ([]ntpprobe.Server, error) {
		return nil, &usageError{fmt.Errorf("%s%w", where, fmt.Errorf(format, a...))} // where may have a % in it
	}
	lines, number := bufio.NewScanner(in), 0
	lines.Buffer(nil, longestLine)
	for lines.Scan() {
		number++
		text, _, _ := strings.Cut(strings.TrimPrefix(lines.Text(), "\ufeff"), "#")
		target := ntpprobe.Server{Address: strings.TrimSpace(text)}
		if target.Address == "" {
			continue
		}
		if len(target.Address) > longestName {
			return refuse(", line %d: %.40q… is no HOST[:PORT]", number, target.Address)
		}
		if _, err := target.Canonical(); err != nil {
			return refuse(", line %d: %s", number, firstLine(err))
		}
		if len(targets) == mostTargets {
			return refuse(" names more than %d targets; split it", mostTargets)
		}
		targets = append(targets, target)
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return refuse(", line %d is longer than %d bytes; write one HOST[:PORT] a line", number+1, longestLine)
	case err != nil:
		return refuse(" cannot be read: %w", err)
	case len(targets) == 0:
		return refuse(" names no target; write one HOST[:PORT] a line")
	}
	return targets, nil
}
