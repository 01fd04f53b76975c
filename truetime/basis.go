package truetime

import "time"

// Basis says what a bound rests on, at the reading at which it was made. It is for
// display: nothing is computed from it.
type Basis struct {
	Domains int // failure domains that had usable data
	Agreed  int // of these, the ones that meet the agreed interval
	Faulty  int // f, the domains that may lie

	// Earliest and Latest tell the two ends of the bound apart.
	Earliest, Latest End

	// WanderPPB is the wander that the slopes of the bound assume, in parts per
	// billion; 0 where whoever made the bound knows none.
	WanderPPB int64
}

// End says which server binds one end of a bound and where the uncertainty there
// comes from. The terms add up to half the width of the bound.
type End struct {
	Source         string        // the server's address; "" if unknown
	Delay          time.Duration // half of that server's round trip
	RootDelay      time.Duration // half of the server's own round trip to its reference
	RootDispersion time.Duration // what the server says it may be off
	Precision      time.Duration // how finely it reads its clock
	Rounding       time.Duration // resolution of the protocol's fields
	Margin         time.Duration // what the user distrusts the server
	Ageing         time.Duration // how far the local clock may have strayed since
	// Disagreement is what is left: what the other servers add, or take away where
	// their claims cut this one's.
	Disagreement time.Duration
}

// Sum returns half the width of the bound.
func (e End) Sum() time.Duration { return e.known() + e.Disagreement }

func (e End) known() time.Duration {
	return e.Delay + e.RootDelay + e.RootDispersion + e.Precision + e.Rounding + e.Margin + e.Ageing
}

// settle makes the terms of both ends add up to the half width at b.At.
func (b *Bound) settle() {
	iv, err := b.intervalAfter(b.At)
	if err != nil {
		return
	}
	half := iv.Uncertainty()
	for _, e := range []*End{&b.Basis.Earliest, &b.Basis.Latest} {
		if e.Source != "" {
			e.Disagreement = half - e.known()
		}
	}
}

// carry returns the end of an older bound as it is at a later one, between whose
// readings the side lost as much to ageing as half the difference of the two slopes.
func (e End) carry(b Bound, nanos int64) End {
	if e.Source == "" {
		return e
	}
	widened := float64(nanos-b.At.Nanos) * float64(b.Latest.SlopePPB-b.Earliest.SlopePPB) / 2 / slopeUnit
	e.Ageing += time.Duration(widened)
	return e
}
