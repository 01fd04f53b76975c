package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/trueclock/trueclock/internal/skew"
	"github.com/trueclock/trueclock/truetime"
)

// matrixing holds the flags of matrix.
type matrixing struct {
	limit   time.Duration
	timeout time.Duration
	output  string
	json    bool
	color   string
}

func newMatrix(s streams) *cobra.Command {
	var m matrixing
	cmd := &cobra.Command{
		Use:   "matrix PEER...",
		Short: "Compare the clocks of nodes that run clockctl serve, each with each",
		Long: `matrix asks each PEER (HOST, HOST:PORT or a URL; port 10123 if absent) for its
interval and says how far the clocks of each two can be apart: what both intervals
allow, whoever is asked first, at any moment between the two answers. It assumes that
nobody steps a clock meanwhile, or slews it by more than 500 ppm. Name each node once:
a majority counts it as often as it is named, under whatever name.

  * certainly within --limit    ~ perhaps over it    ! certainly over it
  x the intervals disprove each other: one of them is wrong
  ? one is down or has no interval    - itself

A node is healthy if more than half of all PEERs, itself among them, are certainly within
the limit of it. It is to be evicted if more than half of all PEERs are healthy and each is
certainly over the limit from it or disproves it. Of anything else nothing is known: a
node that cannot be reached is no bad clock.

Exit codes: 0 nothing is certainly over or disproved, 1 something is, or no two peers
have an interval, 64 usage, 130 and 143 interrupted.`,
		Example: `  clockctl matrix node1.example.net:10123 node2.example.net:10123 node3.example.net:10123
  clockctl matrix --limit 10s -o json http://node1.example.net:10123 http://node2.example.net:10123`,
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.DurationVar(&m.limit, "limit", 50*time.Millisecond, "how far two clocks may be apart")
	f.DurationVar(&m.timeout, "timeout", time.Second, "limit of one request")
	f.StringVarP(&m.output, "output", "o", "table", "table, json")
	f.BoolVar(&m.json, "json", false, "short for -o json")
	f.StringVar(&m.color, "color", "auto", "auto, always or never")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		answers, err := m.ask(cmd, args)
		if err != nil {
			if m.json || m.output == "json" {
				return errors.Join(err, writeJSON(s.out, failedMatrixJSON(err)))
			}
			return err
		}
		stopped := interruption(cmd.Context())
		return errors.Join(stopped, m.report(s, answers, stopped))
	}
	return cmd
}

// ask checks the command line and asks all peers.
func (m *matrixing) ask(cmd *cobra.Command, args []string) ([]peerAnswer, error) {
	if m.json {
		if cmd.Flags().Changed("output") && m.output != "json" {
			return nil, &usageError{fmt.Errorf("--json and -o %s contradict each other", m.output)}
		}
		m.output = "json"
	}
	switch {
	case !slices.Contains([]string{"table", "json"}, m.output):
		return nil, &usageError{fmt.Errorf("unknown output %q; use table, json", m.output)}
	case !slices.Contains([]string{"auto", "always", "never"}, m.color):
		return nil, &usageError{fmt.Errorf("unknown color %q; use auto, always or never", m.color)}
	case len(args) < 2:
		return nil, &usageError{errors.New("one peer has nobody to be compared with: clockctl matrix node1.example.net node2.example.net")}
	case m.limit <= 0:
		return nil, &usageError{fmt.Errorf("--limit %v is not positive", m.limit)}
	case m.timeout <= 0:
		return nil, &usageError{fmt.Errorf("--timeout %v is not positive", m.timeout)}
	}
	urls, err := peerURLs(args)
	if err != nil {
		return nil, err
	}
	local, err := truetime.NewLocalClock()
	if err != nil {
		return nil, err
	}
	return askPeers(cmd.Context(), local, args, urls, m.timeout), nil
}

// report prints the matrix and returns what is bad about it: most of all, that it was stopped.
func (m *matrixing) report(s streams, answers []peerAnswer, stopped error) error {
	var nodes []skew.Node
	for _, a := range answers {
		nodes = append(nodes, a.node)
	}
	pairs, verdicts := skew.Matrix(nodes, m.limit)
	bad := judgeMatrix(answers, pairs)
	if stopped != nil {
		bad = &badAnswer{code: "interrupted", text: stopped.Error(), err: stopped}
	}
	if m.output == "json" {
		return errors.Join(bad, writeJSON(s.out, newMatrixJSON(m.limit, answers, pairs, verdicts, bad)))
	}
	painted := (&probing{color: m.color}).colored(s)
	return errors.Join(bad, writeMatrix(s.out, answers, pairs, verdicts, painted))
}

// judgeMatrix returns a badAnswer if two clocks are certainly too far apart, if two intervals
// disprove each other, or if there was nothing to compare.
func judgeMatrix(answers []peerAnswer, pairs [][]skew.Pair) error {
	over, disproved, compared := 0, 0, 0
	for i := range pairs {
		for _, p := range pairs[i][:i] {
			switch p.State {
			case skew.Over:
				over++
			case skew.Disproved:
				disproved++
			case skew.Unknown:
				continue
			}
			compared++
		}
	}
	switch {
	case disproved > 0:
		return &badAnswer{code: "disproved", text: fmt.Sprintf("%d of %d pairs of intervals disprove each other, so one of each is wrong: check its servers and --max-faulty there", disproved, compared)}
	case over > 0:
		return &badAnswer{code: "over_limit", text: fmt.Sprintf("%d of %d pairs of clocks are certainly further apart than --limit: ask clockctl check on the nodes that are out", over, compared)}
	case compared > 0:
		return nil
	}
	for _, a := range answers {
		if !a.node.Known {
			return &badAnswer{code: "unreachable", text: fmt.Sprintf("no two peers have an interval; %s: %s", a.name, a.reason)}
		}
	}
	return &badAnswer{code: "disrupted", text: "this machine was suspended while it asked, so that no two answers can be compared; try again"}
}

// writeMatrix prints a row per node: its number, what is certain against each other, and
// the verdict.
func writeMatrix(w io.Writer, answers []peerAnswer, pairs [][]skew.Pair, verdicts []skew.Verdict, colored bool) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	heading := []string{"NODE"}
	for i := range answers {
		heading = append(heading, fmt.Sprint(i+1))
	}
	fmt.Fprintln(out, strings.Join(append(heading, "±INTERVAL", "VERDICT"), "\t"))
	for i, a := range answers {
		cells := []string{fmt.Sprintf("%d %s", i+1, a.name)}
		for _, p := range pairs[i] {
			cells = append(cells, strings.TrimSpace(p.State.Symbol()+" "+howFar(p)))
		}
		width, why := "-", ""
		if a.node.Known {
			width = humanBound(time.Duration(a.uncertainty))
		} else {
			why = ": " + a.reason
		}
		color := map[skew.Verdict]string{skew.Healthy: "32", skew.Evict: "31", skew.Nothing: "33"}[verdicts[i]]
		fmt.Fprintln(out, strings.Join(append(cells, width, paint(string(verdicts[i]), color, colored)+why), "\t"))
	}
	return out.Flush()
}

// howFar says how far: at most, or at least where that is certainly too much. Neither says more than is known.
func howFar(p skew.Pair) string {
	switch p.State {
	case skew.Within, skew.Perhaps:
		return "≤" + humanBound(max(p.Max, -p.Min))
	case skew.Over:
		return "≥" + humanDuration(downward(max(p.Min, -p.Max)))
	}
	return ""
}

// askPeers asks all of them at once and keeps their order.
func askPeers(ctx context.Context, local truetime.LocalClock, names, urls []string, timeout time.Duration) []peerAnswer {
	answers := make([]peerAnswer, len(urls))
	var asking sync.WaitGroup
	for i, url := range urls {
		asking.Go(func() {
			answers[i] = askPeer(ctx, local, url, timeout)
			answers[i].name = names[i]
		})
	}
	asking.Wait()
	return answers
}
