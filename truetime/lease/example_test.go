package lease_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/trueclock/trueclock/truetime"
	"github.com/trueclock/trueclock/truetime/lease"
	"github.com/trueclock/trueclock/truetime/truetimetest"
)

// Two machines whose clocks know the time to ± 1 ms take turns. (ntpprobe makes real clocks, and the store would be etcd.)
func Example() {
	local := truetimetest.NewManual(0)
	clock := truetime.New(local, truetime.Options{})
	reading, _ := local.Read()
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	if err := clock.Update(truetimetest.Around(reading, noon.UnixNano(), time.Millisecond, 0), nil); err != nil {
		fmt.Println(err)
		return
	}
	ctx, store := context.Background(), &lease.Memory{}

	first, err := lease.Acquire(ctx, clock, store, "orders", lease.Options{Holder: "node-1", TTL: time.Minute})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = first.Do(ctx, func(ctx context.Context, grant lease.Grant) error {
		fmt.Println("node-1 writes with token", grant.Token) // which the storage compares: package fencing
		return nil
	})
	fmt.Println(err)

	_, err = lease.TryAcquire(ctx, clock, store, "orders", lease.Options{Holder: "node-2", TTL: time.Minute})
	fmt.Println(err)

	first.Drop(errors.New("the process stood still for 3s")) // from now on node-1 does nothing; the record runs out
	fmt.Println(first.Valid())
	local.Advance(time.Minute + 2*time.Millisecond)
	second, err := lease.Acquire(ctx, clock, store, "orders", lease.Options{Holder: "node-2", TTL: time.Minute})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer second.Release(ctx)
	fmt.Println("node-2 has token", second.Token())
	// Output:
	// node-1 writes with token 1795435200001000000
	// <nil>
	// lease: "orders" is held by "node-1" with token 1795435200001000000, not surely over for another 1m0.000000001s
	// lease: "orders" with token 1795435200001000000 was dropped: the process stood still for 3s
	// node-2 has token 1795435260003000000
}
