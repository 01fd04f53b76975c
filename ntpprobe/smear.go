package ntpprobe

import (
	"fmt"
	"time"
)

// Reference ids that give smearing away. Most servers that smear show none, so a tag
// on the server is what counts.
const (
	// smoothedID is 127.127.1.255, which chronyd sends while its smoothtime moves the
	// time it serves (chrony, ntp.h).
	smoothedID = 0x7f7f01ff
	// googleID is "GOOG", what Google's public servers are said to send at stratum 1; not verified.
	googleID = 0x474f4f47
	// smearingNet is the first byte of 254.x.y.z, which ntpd sends while it smears; x.y.z is the
	// smear as a fixed-point number of two integer and 22 fractional bits (ntp, refidsmear.c).
	smearingNet = 254
)

// nearLeap is how far from the end of a month ntpd may be smearing: its documentation
// recommends at most a day.
const nearLeap = int64(48 * time.Hour)

// smears reports whether a reply shows that its time is smeared. An id of 254.x.y.z may
// also be a hash of an IPv6 address, so it counts only for a possible smear near a possible
// leap second.
func (s Sample) smears() bool {
	h := s.Header
	switch {
	case h.ReferenceID == smoothedID:
		return true
	case h.ReferenceID == googleID:
		return h.Stratum == 1
	case h.ReferenceID>>24 == smearingNet:
		smear := int32(h.ReferenceID<<8) >> 8 // in 2⁻²² s
		return max(smear, -smear) <= 1<<22 && (s.T3-monthStart(s.T3) < nearLeap || monthEnd(s.T3)-s.T3 < nearLeap)
	}
	return false
}

// checkSmear refuses servers on different time scales: during a smear they are up to a
// second apart, and each is right on its own.
func checkSmear(servers []Server) error {
	for _, s := range servers {
		if s.Smear != servers[0].Smear {
			return &ConfigError{"smear", fmt.Sprintf("%s has %s and %s has %s; servers that smear leap seconds differently cannot be mixed (RFC 8633)",
				servers[0].Address, scale(servers[0]), s.Address, scale(s))}
		}
	}
	return nil
}

func scale(s Server) string {
	if s.Smear == "" {
		return "no smear"
	}
	return fmt.Sprintf("the smear %q", s.Smear)
}
