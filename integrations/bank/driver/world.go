package driver

import (
	"errors"
	"time"

	"github.com/trueclock/trueclock/internal/fleet"
)

// world is the time servers, and in front of them for each shard its own network. The servers run in this process.
type world struct {
	servers []*fleet.Server
	relays  [][]*fleet.Relay // by shard and server
}

// lie is by how much one of the four servers is wrong. One liar is what the shards assume (f = 1).
const lie = 80 * time.Millisecond

// pathsOf returns the network of a shard in both directions. On one that is slow towards the server true time is early in the interval, so that the
// shard's timestamps lead; on one that is slow back it is late. Nobody can see the difference.
func pathsOf(shard int, slow time.Duration) (forward, back fleet.Path) {
	fast := fleet.Path{Min: slow / 30, Jitter: slow / 100}
	switch late := (fleet.Path{Min: slow, Jitter: slow / 30}); shard % 3 {
	case 0:
		return late, fast
	case 1:
		return fast, late
	}
	half := fleet.Path{Min: slow / 2, Jitter: slow / 15}
	return fleet.Path{Min: half.Min, Jitter: half.Jitter, Loss: 0.1}, half
}

// rates are by how much the shards' local clocks run wrong, in parts per billion. 200 000 are assumed.
var rates = []int64{150_000, -150_000, 40_000}

func startWorld(shards int, slow time.Duration, seed uint64) (_ *world, err error) {
	w := &world{relays: make([][]*fleet.Relay, shards)}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	for i := range 4 {
		c := fleet.Config{}
		if i == 3 {
			c.Offset = lie
		}
		server, err := fleet.Start(c)
		if err != nil {
			return nil, err
		}
		w.servers = append(w.servers, server)
	}
	for shard := range shards {
		for i, server := range w.servers {
			forward, back := pathsOf(shard, slow)
			relay, err := fleet.StartRelay(fleet.RelayConfig{Upstream: server.Addr(), Seed: seed + uint64(100*shard+i), Forward: forward, Back: back})
			if err != nil {
				return nil, err
			}
			w.relays[shard] = append(w.relays[shard], relay)
		}
	}
	return w, nil
}

// serversOf returns where a shard asks for the time.
func (w *world) serversOf(shard int) (addresses []string) {
	for _, relay := range w.relays[shard] {
		addresses = append(addresses, relay.Addr())
	}
	return addresses
}

func (w *world) close() error {
	var errs []error
	for _, relays := range w.relays {
		for _, relay := range relays {
			errs = append(errs, relay.Close())
		}
	}
	for _, server := range w.servers {
		errs = append(errs, server.Close())
	}
	return errors.Join(errs...)
}
