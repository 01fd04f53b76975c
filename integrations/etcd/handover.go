package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/commitwait"
)

// ownerConfig is what a node in a process of its own is told.
type ownerConfig struct {
	Endpoints []string
	World     world
	Lean, Eps time.Duration
	Shard     string
	TTL       time.Duration
	Broken    Broken
}

// said is what such a node says of itself, a line for each step.
type said struct {
	Step  string
	TS    hlc.Timestamp
	View  View
	Error string
	Lost  bool // the error is that somebody else owns the shard
}

// owner owns a shard, commits, reads, and stands between the assignment and the write of its next commit until it
// is told to go on: where it is stopped, and does not know for how long.
func owner(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	input, say := bufio.NewReader(in), json.NewEncoder(out)
	var c ownerConfig
	if first, err := input.ReadBytes('\n'); err != nil {
		return err
	} else if err := json.Unmarshal(first, &c); err != nil {
		return err
	}
	heard := make(chan struct{})
	go func() {
		_, _ = input.ReadString('\n')
		close(heard)
		_, _ = io.Copy(io.Discard, input)
		cancel()
	}()
	local, err := truetime.NewLocalClock()
	if err != nil {
		return err
	}
	clock, err := c.World.clock(local, c.Lean, c.Eps)
	if err != nil {
		return err
	}
	client, err := connect(c.Endpoints, 0)
	if err != nil {
		return err
	}
	defer client.Close()
	options := Options{TTL: c.TTL, Broken: c.Broken}
	stands := false
	options.beforeWrite = func(ts hlc.Timestamp) {
		if stands {
			_ = say.Encode(said{Step: "assigned", TS: ts})
			<-heard
		}
	}
	o, err := Campaign(ctx, client, c.Shard, clock, options)
	if err != nil {
		return err
	}
	first, err := o.Put(ctx, map[string]string{"k": "first"})
	if err != nil {
		return err
	}
	_ = say.Encode(said{Step: "committed", TS: first.TS})
	view, err := o.Read(ctx, commitwait.Strong(), "k")
	if err != nil {
		return err
	}
	_ = say.Encode(said{Step: "read", TS: view.TS, View: view})
	stands = true
	late, err := o.Put(ctx, map[string]string{"k": "late"})
	last := said{Step: "late", TS: late.TS}
	if err != nil {
		var lost *LostError
		last.Error, last.Lost = err.Error(), errors.As(err, &lost)
	}
	_ = say.Encode(last)
	<-ctx.Done()
	return nil
}

// hears reads what a node says, which is to be this step.
func hears(c *child, step string) (s said, err error) {
	line, err := c.line()
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal([]byte(line), &s); err != nil {
		return s, err
	}
	if s.Step != step {
		return s, fmt.Errorf("the node says %q, not %q: %s", s.Step, step, s.Error)
	}
	return s, nil
}

// stoppedOwner has a process own a shard and stops it when it is about to write; somebody else takes over, commits and
// reads; and then the first goes on. Its write must be refused, all timestamps of the second be above its own, and no snapshot change.
func stoppedOwner(ctx context.Context, c ownerConfig, next *node) (report string, err error) {
	old, err := spawn("owner", c)
	if err != nil {
		return "", err
	}
	defer func() { _ = old.end() }()
	if _, err := hears(old, "committed"); err != nil {
		return "", err
	}
	before, err := hears(old, "read")
	if err != nil {
		return "", err
	}
	assigned, err := hears(old, "assigned")
	if err != nil {
		return "", err
	}
	if err := stop(old); err != nil {
		return "", err
	}
	began := time.Now()
	second, view, err := succeed(ctx, c, next)
	if err != nil {
		return "", err
	}
	took := time.Since(began)
	if !second.TS.After(assigned.TS) || !second.TS.After(before.TS) {
		return "", fmt.Errorf("timestamps fall: the old owner has assigned %v and read at %v, the new one commits at %v", assigned.TS, before.TS, second.TS)
	}
	if err := errors.Join(proceed(old), tell(old, "go on")); err != nil {
		return "", err
	}
	late, err := hears(old, "late")
	switch {
	case err != nil:
		return "", err
	case late.Error == "":
		return "", fmt.Errorf("the old owner, stopped and continued, wrote at %v, after the next one had committed at %v and read at %v", late.TS, second.TS, view.TS)
	case !late.Lost:
		return "", fmt.Errorf("the old owner's late write failed for another reason: %s", late.Error)
	}
	for _, v := range []View{before.View, view} {
		if err := unchanged(ctx, next.client, c.Shard, v); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("an owner was stopped with a write at %v in its hand; the next served after %v, at %v; the late write was refused",
		assigned.TS, took.Round(time.Millisecond), second.TS), nil
}

// succeed waits for the shard, commits and reads.
func succeed(ctx context.Context, c ownerConfig, n *node) (Commit, View, error) {
	o, err := Campaign(ctx, n.client, c.Shard, n.clock, Options{TTL: c.TTL, Broken: c.Broken})
	if err != nil {
		return Commit{}, View{}, err
	}
	second, err := o.Put(ctx, map[string]string{"k": "second"})
	if err != nil {
		return Commit{}, View{}, errors.Join(err, o.Resign(ctx))
	}
	view, err := o.Read(ctx, commitwait.Strong(), "k")
	return second, view, errors.Join(err, o.Resign(ctx))
}

func tell(c *child, line string) error {
	_, err := io.WriteString(c.in, strings.TrimSpace(line)+"\n")
	return err
}

// wideε is the half width of a clock that reads far ahead of true time.
const wideε = 500 * time.Millisecond

// handedOver has a node whose clock is wide read ahead of true time and resign, and one whose clock is narrow take over: it
// must commit above what was read.
func handedOver(ctx context.Context, shard string, wide, narrow *node, broken Broken) (report string, err error) {
	c := ownerConfig{Shard: shard, TTL: 3 * time.Second, Broken: broken}
	o, err := Campaign(ctx, wide.client, shard, wide.clock, Options{TTL: c.TTL, Broken: broken})
	if err != nil {
		return "", err
	}
	first, err := o.Read(ctx, commitwait.Strong(), "k")
	if err = errors.Join(err, o.Resign(ctx)); err != nil {
		return "", err
	}
	second, _, err := succeed(ctx, c, narrow)
	if err != nil {
		return "", err
	}
	if !second.TS.After(first.TS) {
		return "", fmt.Errorf("timestamps fall: %s read at %v before it resigned, %s commits at %v", wide.name, first.TS, narrow.name, second.TS)
	}
	return fmt.Sprintf("%s read at %v and resigned; %s went on at %v", wide.name, first.TS, narrow.name, second.TS),
		unchanged(ctx, narrow.client, shard, first)
}
