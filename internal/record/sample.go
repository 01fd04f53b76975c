package record

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/trueclock/trueclock/ntpprobe"
	"github.com/trueclock/trueclock/truetime"
)

// Sample returns the line of an exchange. What is unknown of it is null.
func (s *Session) Sample(at ntpprobe.Instant, x ntpprobe.Exchange) Sample {
	line := Sample{Head: s.head(TypeSample, at), Address: x.Server.Address, Number: x.Number}
	sample := x.Sample
	var rejected *ntpprobe.RejectedError
	switch {
	case errors.As(x.Err, &rejected):
		reason := string(rejected.Reason)
		line.Reason, line.Detail = &reason, &rejected.Detail
	case x.Err != nil:
		reason, detail := "internal", x.Err.Error()
		line.Reason, line.Detail = &reason, &detail
	}
	if sample.Remote.IsValid() {
		remote := sample.Remote.String()
		line.Remote = &remote
	}
	if h := sample.Header; h != (ntpprobe.Header{}) {
		leap, delay, dispersion := uint8(h.Leap), int64(h.RootDelay), int64(h.RootDispersion)
		id := hex.EncodeToString(binary.BigEndian.AppendUint32(nil, h.ReferenceID))
		line.Leap, line.Version, line.Stratum, line.Precision = &leap, &h.Version, &h.Stratum, &h.PrecisionExponent
		line.RootDelay, line.RootDispersion, line.ReferenceID = &delay, &dispersion, &id
	}
	if sample.T4 == (truetime.Reading{}) || sample.T2 == 0 || sample.T3 == 0 {
		return line // there are no four stamps
	}
	t1, t4, t2, t3 := sample.T1.Nanos-s.origin, sample.T4.Nanos-s.origin, unixTime(sample.T2), unixTime(sample.T3)
	line.Epoch, line.T1, line.T2, line.T3, line.T4 = &sample.T4.Epoch, &t1, &t2, &t3, &t4
	if x.Err == nil {
		delay, distance := int64(sample.Delay()), int64(sample.RootDistance())
		line.Delay, line.RootDistance = &delay, &distance
	}
	if sample.KernelGain > 0 {
		gain := int64(sample.KernelGain)
		line.KernelGain = &gain
	}
	return line
}

// longest bounds the readings of a session, far beyond any, so that no arithmetic on
// them can overflow.
const longest = int64(100 * 365 * 24 * time.Hour)

// mostRoot is beyond what the root fields of a packet can hold, 65 536 s.
const mostRoot = int64(65_537 * time.Second)

// inReach keeps moments so close together that 64-bit nanoseconds hold the difference of any
// two, and of two such differences.
func inReach(t time.Time) bool { return t.Year() >= 1970 && t.Year() < 2110 }

// instant is the moment at which a line was written.
func (h Head) instant() (ntpprobe.Instant, error) {
	wall, err := time.Parse(timeLayout, h.ReadAt)
	switch {
	case err != nil || !inReach(wall):
		return ntpprobe.Instant{}, errors.New("read_at is not a moment from 1970 to 2109")
	case h.At < -longest || h.At > longest || h.Took < 0 || h.Took > longest:
		return ntpprobe.Instant{}, errors.New("at_ns or took_ns is out of range")
	}
	before := truetime.Reading{Nanos: h.At, Epoch: h.AtEpoch}
	return ntpprobe.Instant{Before: before, After: truetime.Reading{Nanos: h.At + h.Took, Epoch: h.AtEpoch}, Wall: wall}, nil
}

// sample turns a line of an accepted exchange back into the sample.
func (l Sample) sample(server ntpprobe.Server) (ntpprobe.Sample, error) {
	none := ntpprobe.Sample{}
	if l.T1 == nil || l.T2 == nil || l.T3 == nil || l.T4 == nil || l.Epoch == nil {
		return none, errors.New("a timestamp of an accepted sample is missing")
	}
	if l.Leap == nil || l.Version == nil || l.Stratum == nil || l.Precision == nil || l.RootDelay == nil || l.RootDispersion == nil || l.ReferenceID == nil {
		return none, errors.New("a field of the reply is missing")
	}
	t2, err2 := time.Parse(timeLayout, *l.T2)
	t3, err3 := time.Parse(timeLayout, *l.T3)
	id, err4 := hex.DecodeString(*l.ReferenceID)
	switch {
	case errors.Join(err2, err3) != nil || !inReach(t2) || !inReach(t3):
		return none, errors.New("t2 or t3 is not a moment from 1970 to 2109")
	case err4 != nil || len(id) != 4:
		return none, errors.New("reference_id_hex is not four bytes")
	case min(*l.T1, *l.T4) < -longest || max(*l.T1, *l.T4) > longest:
		return none, errors.New("t1_ns or t4_ns is out of range")
	case *l.RootDelay < 0 || *l.RootDelay > mostRoot || *l.RootDispersion < 0 || *l.RootDispersion > mostRoot || *l.Leap > 3:
		return none, errors.New("a root field is not from 0 to 65536 s, or the leap indicator is not from 0 to 3")
	}
	s := ntpprobe.Sample{
		Server: server, T1: truetime.Reading{Nanos: *l.T1, Epoch: *l.Epoch}, T4: truetime.Reading{Nanos: *l.T4, Epoch: *l.Epoch},
		T2: t2.UnixNano(), T3: t3.UnixNano(),
		Header: ntpprobe.Header{
			Leap: ntpprobe.Leap(*l.Leap), Version: *l.Version, Stratum: *l.Stratum, PrecisionExponent: *l.Precision,
			RootDelay: time.Duration(*l.RootDelay), RootDispersion: time.Duration(*l.RootDispersion), ReferenceID: binary.BigEndian.Uint32(id),
		},
	}
	if l.KernelGain != nil {
		s.KernelGain = time.Duration(*l.KernelGain)
	}
	if l.Remote != nil {
		if s.Remote, err2 = netip.ParseAddrPort(*l.Remote); err2 != nil {
			return none, fmt.Errorf("remote: %w", err2)
		}
	}
	return s, nil
}

// server is the policy as the library knows it.
func (s Server) server() ntpprobe.Server {
	return ntpprobe.Server{
		Address: s.Address, Domain: s.Domain, Margin: time.Duration(s.Margin), Scale: s.Scale, MinOneWay: time.Duration(s.MinOneWay),
		Smear: s.Smear, RootRoundsUp: s.RootRoundsUp, Private: s.Private,
	}
}
