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

// jury are five servers, which can be made to lie.
type jury struct {
	s       *stage
	servers []*fleet.Server
	asked   []ntpprobe.Server
}

func (s *stage) newJury() (*jury, error) {
	j := &jury{s: s}
	for range 5 {
		server, err := fleet.Start(fleet.Config{Now: s.trueNow, RootDispersion: 20 * time.Microsecond})
		if err != nil {
			return nil, err
		}
		s.closers = append(s.closers, server.Close)
		j.servers, j.asked = append(j.servers, server), append(j.asked, ntpprobe.Server{Address: server.Addr()})
	}
	return j, nil
}

// lie makes the first servers lie by these, and the others tell the truth.
func (j *jury) lie(offsets ...time.Duration) {
	for i, server := range j.servers {
		if server.SetOffset(0); i < len(offsets) {
			server.SetOffset(offsets[i])
		}
	}
}

// ask measures anew: nobody remembers what the servers said before.
func (j *jury) ask(ctx context.Context) (ntpprobe.Report, error) {
	return ntpprobe.Measure(ctx, ntpprobe.MeasureOptions{
		Servers: j.asked, Local: j.s.local, Samples: 4, Interval: 10 * time.Millisecond, Timeout: time.Second,
		Assumptions: ntpprobe.Assumptions{Faulty: j.s.mayLie},
	})
}

// liar: one and two liars among five are named and outvoted. Three and four that contradict each other leave no quorum. Three that tell the same lie
// cannot be told from honest ones by who meets them for the first time, but a clock that knew the time sees them contradict it.
func liar(ctx context.Context, s *stage) error {
	j, err := s.newJury()
	if err != nil {
		return err
	}
	t := newTable("LIARS OF 5", "ANSWER", "TRUTH", "AN AVERAGE WOULD BE WRONG BY")
	stories := [][]time.Duration{{}, {lie}, {lie, -2 * lie}, {lie, -2 * lie, 3 * lie}, {lie, -2 * lie, 3 * lie, -4 * lie}}
	var honest ntpprobe.Report
	var named string
	for _, lies := range stories {
		j.lie(lies...)
		r, err := j.ask(ctx)
		if err != nil {
			return err
		}
		switch len(lies) {
		case 0:
			honest = r
		case 1:
			named = fmt.Sprintf("%s: %s", r.Sources[0].Server.Address, r.Sources[0].Detail)
		}
		answer, err := s.verdictOn(r, len(lies))
		if err != nil {
			return fmt.Errorf("%d of 5 servers lie: %w", len(lies), err)
		}
		t.row(append([]string{fmt.Sprint(len(lies))}, answer...)...)
	}
	t.print(s)
	s.say("   falseticker   %s", named)
	return j.conspire(ctx, honest)
}

// verdictOn checks a measurement in which the first servers lied, and tells it in three words.
func (s *stage) verdictOn(r ntpprobe.Report, liars int) ([]string, error) {
	var sum time.Duration
	for i, source := range r.Sources {
		sum += source.Estimate.Offset
		want := ntpprobe.Agreed
		switch {
		case liars > s.mayLie:
			want = ntpprobe.Rejected
		case i < liars:
			want = ntpprobe.Falseticker
		}
		if source.State != want {
			return nil, fmt.Errorf("%s is %s (%s), expected %s", source.Server.Address, source.State, source.Detail, want)
		}
	}
	truth := time.Unix(0, s.trueAt(r.Instant.Before))
	average := ms(r.Instant.Wall.Add(sum / time.Duration(len(r.Sources))).Sub(truth).Abs())
	if liars > s.mayLie {
		var none *truetime.NoQuorumError
		if !errors.As(r.Err, &none) {
			return nil, fmt.Errorf("there should be no quorum: %v", r.Err)
		}
		return []string{fmt.Sprintf("refused: %d share a moment, %d needed", none.Best, none.Needed), "-", average}, nil
	}
	if r.Err != nil {
		return nil, r.Err
	}
	if !r.Interval.Contains(truth) {
		return nil, fmt.Errorf("the truth is outside %v", r.Interval)
	}
	return []string{fmt.Sprintf("%d agree, %d named as falsetickers", r.Agreed(), liars), "inside", average}, nil
}

// conspire: more servers tell one lie than may lie.
func (j *jury) conspire(ctx context.Context, honest ntpprobe.Report) error {
	j.lie(lie, lie, lie)
	fresh, err := j.ask(ctx)
	if err != nil {
		return err
	}
	if fresh.Err != nil {
		return fresh.Err
	}
	if truth := time.Unix(0, j.s.trueAt(fresh.Instant.Before)); fresh.Interval.Contains(truth) {
		return errors.New("three of five that tell one lie should have been believed")
	}
	j.s.say("   Three that tell one lie are the majority, and two may lie: who asks for the first time believes them. No vote can help.")
	clock := truetime.New(j.s.local, truetime.Options{})
	if err := clock.Update(honest.Bound, nil); err != nil {
		return err
	}
	lying := fresh.Bound
	lying.Generation = honest.Bound.Generation // of the same prober
	var disrupted *truetime.DisruptedError
	if err := clock.Update(lying, nil); !errors.As(err, &disrupted) {
		return fmt.Errorf("a clock that knew the time should have contradicted them: %v", err)
	}
	if _, err := clock.Now(); !errors.As(err, &disrupted) {
		return fmt.Errorf("and should give no time any more: %v", err)
	}
	j.s.say("   A clock that had asked before they lied refuses: it is %s.", clock.Status().State)
	return nil
}
