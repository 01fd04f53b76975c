package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/trueclock/trueclock/internal/fleet"
	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// smeared is what a server that spreads a leap second over 24 hours is behind the others six hours before it.
const smeared = 250 * time.Millisecond

// leap: two servers make the leap second in one step, two spread it over a day. All four are honest, and a quarter of a second apart: two time
// scales, which must never be mixed.
func leap(ctx context.Context, s *stage) error {
	start := func(offset time.Duration, id [4]byte) (ntpprobe.Server, error) {
		server, err := fleet.Start(fleet.Config{Now: s.trueNow, Offset: -offset, RootDispersion: 20 * time.Microsecond, ReferenceID: id})
		if err != nil {
			return ntpprobe.Server{}, err
		}
		s.closers = append(s.closers, server.Close)
		return ntpprobe.Server{Address: server.Addr()}, nil
	}
	var servers []ntpprobe.Server
	for _, offset := range []time.Duration{0, 0, smeared, smeared} {
		server, err := start(offset, [4]byte{'D', 'E', 'M', 'O'})
		if err != nil {
			return err
		}
		servers = append(servers, server)
	}
	ask := func(servers ...ntpprobe.Server) (ntpprobe.Report, error) {
		return ntpprobe.Measure(ctx, ntpprobe.MeasureOptions{
			Servers: servers, Local: s.local, Samples: 4, Interval: 10 * time.Millisecond, Timeout: time.Second,
		})
	}

	r, err := ask(servers...)
	if err != nil {
		return err
	}
	var none *truetime.NoQuorumError
	if !errors.As(r.Err, &none) || !none.Disproved() {
		return fmt.Errorf("the two kinds should have contradicted each other: %v", r.Err)
	}
	s.say("   not declared      no answer: %d of 4 share a moment, %d needed; no average of %v between them", none.Best, none.Needed, smeared)

	google, err := start(smeared, [4]byte{'G', 'O', 'O', 'G'})
	if err != nil {
		return err
	}
	if r, err = ask(servers[0], servers[1], google); err != nil {
		return err
	}
	if got := r.Sources[2]; got.State != ntpprobe.Rejected || got.Reason != ntpprobe.ReasonSmear {
		return fmt.Errorf("a server that shows that it smears should be rejected for it: %s, %s", got.State, got.Reason)
	}
	s.say("   it shows itself   rejected: %s", r.Sources[2].Reason)

	servers[2].Smear, servers[3].Smear = "24 h linear", "24 h linear"
	var config *ntpprobe.ConfigError
	if _, err = ask(servers...); !errors.As(err, &config) {
		return fmt.Errorf("servers declared as different should be refused before anybody is asked: %v", err)
	}
	s.say("   declared, mixed   refused: %s", config.Setting)

	if r, err = ask(servers[2], servers[3]); err != nil {
		return err
	}
	if r.Err != nil {
		return r.Err
	}
	if truth := time.Unix(0, s.trueAt(r.Instant.Before)); r.Interval.Contains(truth) || !r.Interval.Contains(truth.Add(-smeared)) {
		return fmt.Errorf("servers that smear alike should give the smeared time, and gave %v", r.Interval)
	}
	s.say("   all smear alike   answered, on their own scale: %v behind the others", smeared)
	return nil
}
