package record

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/trueclock/trueclock/ntpprobe"
)

// longestLine is far beyond any that is written, so that memory stays bounded.
const longestLine = 1 << 20

// Exchange is a recorded exchange.
type Exchange struct {
	At     ntpprobe.Instant // when it was taken into account
	Sample ntpprobe.Sample  // readings count from the session's origin; its server alone if Reason is not ""
	Reason string           // why there is no sample, "" if there is
}

// Recording is one session as it was read.
type Recording struct {
	Start     time.Time // by the wall clock
	MadeBy    string
	Servers   []ntpprobe.Server
	Faulty    int // as it was recorded; to be resolved anew for other assumptions
	DriftPPB  int64
	WanderPPB int64
	Exchanges []Exchange // in the order in which they were taken into account
	Bounds    int        // lines
	Events    []Event    // but the start
}

// Reader collects the sessions of one or more files, which may hold parts of one session
// each. The zero value is ready.
type Reader struct {
	// Warn is told of each line that is skipped, with its file and number; nil for nobody.
	Warn func(file string, line int, why string)

	sessions map[string]*session
	order    []*session
}

// Assumptions are those that it was recorded with.
func (r Recording) Assumptions() ntpprobe.Assumptions {
	a := ntpprobe.Assumptions{Faulty: r.Faulty, DriftPPB: r.DriftPPB, WanderPPB: r.WanderPPB}
	if a.Faulty == 0 {
		a.Faulty = ntpprobe.FaultyNone
	}
	return a
}

type session struct {
	Recording
	byAddress map[string]ntpprobe.Server
}

// Read takes all lines of one file. A line that is torn or makes no sense is skipped with a
// warning. It returns an error of r, or one that says that nothing of the file could be used.
func (r *Reader) Read(name string, from io.Reader) error {
	if r.sessions == nil {
		r.sessions = map[string]*session{}
	}
	in := bufio.NewReaderSize(from, 64<<10)
	used, number := 0, 0
	for {
		line, tooLong, err := readLine(in)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if number++; len(bytes.TrimSpace(line)) > 0 || tooLong {
			why := errors.New("a line of more than 1 MiB")
			if !tooLong {
				why = r.take(line)
			}
			if why == nil {
				used++
			} else if r.Warn != nil {
				r.Warn(name, number, why.Error())
			}
		}
		if err != nil {
			break
		}
	}
	if used == 0 {
		return fmt.Errorf("%s: no line of a recording in it", name)
	}
	return nil
}

// readLine returns the next line. Of one that is too long it returns nothing.
func readLine(in *bufio.Reader) (line []byte, tooLong bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		if tooLong = tooLong || len(line)+len(part) > longestLine; tooLong {
			line = nil
		} else {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, tooLong, err
		}
	}
}

// take uses one line.
func (r *Reader) take(text []byte) error {
	var line struct { // nearly all are samples
		Sample
		Event string `json:"event"`
	}
	if err := json.Unmarshal(text, &line); err != nil {
		return fmt.Errorf("torn or no JSON (%w)", err)
	}
	if line.Schema != Schema || line.Session == "" {
		return fmt.Errorf("not a line of a recording (schema %q)", line.Schema)
	}
	if line.Type == TypeEvent && line.Event == EventStart {
		return r.takeStart(text)
	}
	s := r.sessions[line.Session]
	if s == nil {
		return errors.New("the start of its session is missing")
	}
	switch line.Type {
	case TypeSample:
		return s.takeSample(line.Sample)
	case TypeBound:
		s.Bounds++
	case TypeEvent:
		var e Event
		if err := json.Unmarshal(text, &e); err != nil {
			return err
		}
		s.Events = append(s.Events, e)
	}
	return nil // types of later versions say nothing to us
}

func (r *Reader) takeStart(text []byte) error {
	var start Start
	if err := json.Unmarshal(text, &start); err != nil {
		return err
	}
	if r.sessions[start.Session] != nil {
		return nil // it goes on in another file
	}
	at, err := start.instant()
	if err != nil {
		return err
	}
	if !(start.Drift > 0 && start.Drift <= 0.1) || !(start.Wander > 0 && start.Wander <= 0.1) {
		return errors.New("max_drift_ratio or wander_ratio is not above 0 and at most 0.1")
	}
	s := &session{Recording: Recording{
		Start: at.Wall, MadeBy: start.MadeBy, Faulty: start.Faulty, DriftPPB: int64(start.Drift*1e9 + 0.5), WanderPPB: int64(start.Wander*1e9 + 0.5),
	}, byAddress: map[string]ntpprobe.Server{}}
	for _, v := range start.Servers {
		server := v.server()
		s.Servers, s.byAddress[v.Address] = append(s.Servers, server), server
	}
	if _, err := ntpprobe.NewEstimator(s.Servers, s.Assumptions()); err != nil {
		return err // nobody can have recorded this
	}
	r.sessions[start.Session], r.order = s, append(r.order, s)
	return nil
}

func (s *session) takeSample(line Sample) error {
	server, known := s.byAddress[line.Address]
	if !known {
		return fmt.Errorf("server %q is not one of its session", line.Address)
	}
	at, err := line.instant()
	if err != nil {
		return err
	}
	x := Exchange{At: at, Sample: ntpprobe.Sample{Server: server}}
	if line.Reason != nil {
		x.Reason = *line.Reason
	} else if x.Sample, err = line.sample(server); err != nil {
		return err
	}
	s.Exchanges = append(s.Exchanges, x)
	return nil
}

// Recordings returns the sessions by the time of their start, each with its exchanges in
// order and once, however the files were and even if one was read twice.
func (r *Reader) Recordings() []Recording {
	list := make([]Recording, len(r.order))
	for i, s := range r.order {
		slices.SortStableFunc(s.Exchanges, func(a, b Exchange) int {
			return cmp.Or(cmp.Compare(a.At.Before.Epoch, b.At.Before.Epoch), cmp.Compare(a.At.Before.Nanos, b.At.Before.Nanos),
				cmp.Compare(a.Sample.Server.Address, b.Sample.Server.Address))
		})
		s.Exchanges = slices.Compact(s.Exchanges)
		list[i] = s.Recording
	}
	slices.SortStableFunc(list, func(a, b Recording) int { return a.Start.Compare(b.Start) })
	return list
}
