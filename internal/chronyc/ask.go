package chronyc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/facebook/time/ntp/chrony"
)

// mostSources is how many sources are asked for. A daemon has fewer; a liar must not keep us.
const mostSources = 1000

// settle is how often the sources are read again because the daemon corrected its clock while
// they were read (their offsets are against that clock), or because one came or went.
const settle = 5

// patience is how many of the time-outs of one request all of them together may take: a daemon of
// this machine answers within microseconds, and one that just keeps within each time-out must
// not hold us for an hour.
const patience = 10

// Report is what a daemon thinks at one moment.
type Report struct {
	Tracking
	Sources []Source
}

// Report asks for everything. look is called right before the request whose reply the Tracking
// is, so that the caller knows between which two moments it was true.
//
// It returns an error of the connection, [*StatusError], [*MalformedError], or one that says
// that the daemon did not keep still or is too slow.
func (d *Daemon) Report(ctx context.Context, look func() error) (Report, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience*d.timeout, fmt.Errorf("chronyc: chronyd is too slow: not all of its replies came within %v", patience*d.timeout))
	defer cancel()
	unsettled := "chronyd corrected its clock each time its sources were read"
	for range settle {
		before, err := d.tracking(ctx)
		if err != nil {
			return Report{}, err
		}
		sources, err := d.sources(ctx)
		if moved := new(movedError); errors.As(err, &moved) {
			unsettled = "chronyd's sources changed each time they were read: " + moved.detail
			continue
		}
		if err != nil {
			return Report{}, err
		}
		if err := look(); err != nil {
			return Report{}, err
		}
		after, err := d.tracking(ctx)
		if err != nil {
			return Report{}, err
		}
		if before.updated == after.updated {
			for i := range sources {
				sources[i].against(after)
			}
			return Report{Tracking: after, Sources: sources}, nil
		}
	}
	return Report{}, errors.New("chronyc: " + unsettled + "; ask again")
}

// movedError says that two replies about the source of one number are about different ones.
type movedError struct{ detail string }

func (e *movedError) Error() string { return "chronyc: " + e.detail }

// tracking asks what the daemon believes.
func (d *Daemon) tracking(ctx context.Context) (Tracking, error) {
	reply, err := ask[*chrony.ReplyTracking](ctx, d, chrony.NewTrackingPacket())
	if err != nil {
		return Tracking{}, err
	}
	return newTracking(reply.Tracking)
}

func (d *Daemon) sources(ctx context.Context) ([]Source, error) {
	number, err := ask[*chrony.ReplySources](ctx, d, chrony.NewSourcesPacket())
	if err != nil {
		return nil, err
	}
	if number.NSources < 0 || number.NSources > mostSources {
		return nil, &MalformedError{fmt.Sprintf("it claims to have %d sources", uint32(number.NSources))}
	}
	sources := make([]Source, number.NSources)
	for i := range sources {
		if sources[i], err = d.source(ctx, int32(i)); err != nil {
			return nil, err
		}
	}
	return sources, nil
}

// source asks for one source. Its words on the selection need the unix socket.
func (d *Daemon) source(ctx context.Context, index int32) (Source, error) {
	data, err := ask[*chrony.ReplySourceData](ctx, d, chrony.NewSourceDataPacket(index))
	if err != nil {
		return Source{}, err
	}
	stats, err := ask[*chrony.ReplySourceStats](ctx, d, chrony.NewSourceStatsPacket(index))
	if err != nil {
		return Source{}, err
	}
	s, err := newSource(data.SourceData, stats.SourceStats)
	if err != nil {
		return Source{}, err
	}
	if data.Mode != chrony.SourceModeRef {
		name, err := ask[*chrony.ReplyNTPSourceName](ctx, d, chrony.NewNTPSourceNamePacket(data.IPAddr))
		if err != nil {
			return Source{}, err
		}
		s.Name = printable(name.Name)
	}
	if d.Unix {
		selected, err := ask[*chrony.ReplySelectData](ctx, d, chrony.NewSelectDataPacket(index))
		if err != nil {
			return Source{}, err
		}
		if data.Mode == chrony.SourceModeRef && selected.RefID != stats.RefID || data.Mode != chrony.SourceModeRef && !selected.IPAddr.Equal(data.IPAddr.ToNetIP()) {
			return Source{}, &movedError{fmt.Sprintf("the selection of %v for %v", selected.IPAddr, data.IPAddr)}
		}
		s.Selection = selection(selected.StateChar)
	}
	return s, nil
}

// ask makes one request and returns the reply, if it is of the kind R.
func ask[R chrony.ResponsePacket](ctx context.Context, d *Daemon, request chrony.RequestPacket) (R, error) {
	var none R
	if err := d.guard.SetDeadline(time.Now().Add(d.timeout)); err != nil {
		return none, err
	}
	stop := context.AfterFunc(ctx, func() { _ = d.guard.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	d.guard.skipped = 0
	reply, err := d.client.Communicate(request)
	switch {
	case ctx.Err() != nil:
		return none, context.Cause(ctx)
	case err != nil:
		return none, d.explain(err)
	}
	typed, ok := reply.(R)
	if !ok {
		return none, &MalformedError{fmt.Sprintf("a reply of type %d to command %d", reply.GetType(), reply.GetCommand())}
	}
	return typed, nil
}

// explain says what became of a request.
func (d *Daemon) explain(err error) error {
	var status *StatusError
	var network *net.OpError
	switch {
	case errors.As(err, &status):
		return status
	case errors.Is(err, os.ErrDeadlineExceeded) && d.guard.skipped > 0:
		return fmt.Errorf("chronyc: no reply within %v, but %d datagrams that were none", d.timeout, d.guard.skipped)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("chronyc: no reply within %v", d.timeout)
	case errors.As(err, &network):
		return fmt.Errorf("chronyc: the connection failed: %w", network.Err)
	}
	return &MalformedError{err.Error()}
}
