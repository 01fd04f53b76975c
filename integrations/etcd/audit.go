package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// recordsOf returns all records of a shard.
func recordsOf(ctx context.Context, client *clientv3.Client, shard string) (records []owned, err error) {
	var found *clientv3.GetResponse
	err = patiently(ctx, isRefusal, func() (err error) {
		found, err = client.Get(ctx, layoutOf(shard).records(), clientv3.WithPrefix())
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, kv := range found.Kvs {
		r := owned{Commit: Commit{Revision: kv.CreateRevision}, aborted: string(kv.Value) == aborted}
		if r.TS, err = timestampOf(kv.Key); err != nil {
			return nil, err
		}
		if !r.aborted {
			if r.owner, err = strconv.ParseInt(string(kv.Value), 10, 64); err != nil {
				return nil, err
			}
		}
		records = append(records, r)
	}
	return records, nil
}

// check is everything that must hold when the load is over.
func (l *load) check(ctx context.Context, client *clientv3.Client) (records map[string][]owned, err error) {
	if !slices.ContainsFunc(l.ops, func(o op) bool { return o.write && !o.open }) || len(l.views) == 0 {
		return nil, errors.New("nothing was committed, or nothing read")
	}
	if err := realTimeOrder(l.ops); err != nil {
		return nil, err
	}
	for _, v := range l.views {
		if x, y := v.Values[v.pair+"/x"], v.Values[v.pair+"/y"]; x != y {
			return nil, fmt.Errorf("a commit was torn: at %v %s of %s is %v and %v", v.TS, v.pair, v.shard, x, y)
		}
	}
	if err := linearizable(l.ops, time.Minute); err != nil {
		return nil, err
	}
	records = map[string][]owned{}
	for _, s := range l.shards {
		if records[s.name], err = recordsOf(ctx, client, s.name); err != nil {
			return nil, err
		}
		if err := acrossOwners(records[s.name]); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	if err := l.kept(records); err != nil {
		return nil, err
	}
	if err := l.counted(ctx, client); err != nil {
		return nil, err
	}
	return records, l.repeat(ctx, client)
}

// counted checks that no counter has lost an increment, nor got one that nobody made.
func (l *load) counted(ctx context.Context, client *clientv3.Client) error {
	type bounds struct{ least, most int }
	counters := map[[2]string]bounds{}
	for _, o := range l.ops {
		if !strings.HasPrefix(o.pair, counter) {
			continue
		}
		b := counters[[2]string{o.shard, o.pair}]
		if b.most++; !o.open {
			b.least++
		}
		counters[[2]string{o.shard, o.pair}] = b
	}
	for at, b := range counters {
		view, err := readAt(ctx, client, layoutOf(at[0]), newestOfAll, at[1:])
		if err != nil {
			return err
		}
		if n, err := strconv.Atoi(view.Values[at[1]].Value); err != nil || n < b.least || n > b.most {
			return fmt.Errorf("%s of %s is %q after %d to %d increments", at[1], at[0], view.Values[at[1]].Value, b.least, b.most)
		}
	}
	return nil
}

// kept checks that what was acknowledged is there, as it was acknowledged.
func (l *load) kept(records map[string][]owned) error {
	for name, all := range records {
		at := make(map[Commit]bool, len(all))
		for _, r := range all {
			at[r.Commit] = !r.aborted
		}
		for _, o := range l.ops {
			if o.shard == name && o.write && !o.open && !at[o.Commit] {
				return fmt.Errorf("an acknowledged commit is not there: %v", o)
			}
		}
	}
	return nil
}

// repeat reads some of the snapshots again.
func (l *load) repeat(ctx context.Context, client *clientv3.Client) error {
	const most = 500
	r := rand.New(rand.NewPCG(l.seed, 1<<32))
	r.Shuffle(len(l.views), func(i, j int) { l.views[i], l.views[j] = l.views[j], l.views[i] })
	for _, v := range l.views[:min(most, len(l.views))] {
		if err := unchanged(ctx, client, v.shard, v.View); err != nil {
			return err
		}
	}
	return nil
}

// unchanged checks that a snapshot still gives the same answer.
func unchanged(ctx context.Context, client *clientv3.Client, shard string, v View) error {
	for key, was := range v.Values {
		again, err := readAt(ctx, client, layoutOf(shard), v.TS, []string{key})
		if err != nil {
			return err
		}
		if is := again.Values[key]; is != was {
			return fmt.Errorf("the snapshot of %s at %v has changed: %s was %q of %v and is %q of %v", shard, v.TS, key, was.Value, was.TS, is.Value, is.TS)
		}
	}
	return nil
}
