package commitwait

import "github.com/trueclock/trueclock/hlc"

// flights are the timestamps that were assigned and may yet appear in the store, lowest first: a
// list through the Pendings themselves. All of it is behind the Committer's mutex.
type flights struct {
	first, last *Pending
	count       int
}

// add takes p in. It is nearly always the highest.
func (f *flights) add(p *Pending) {
	f.count++
	below := f.last
	for below != nil && below.ts.After(p.ts) {
		below = below.below
	}
	p.below = below
	if below == nil {
		p.above, f.first = f.first, p
	} else {
		p.above, below.above = below.above, p
	}
	if p.above == nil {
		f.last = p
	} else {
		p.above.below = p
	}
}

// remove takes p out.
func (f *flights) remove(p *Pending) {
	f.count--
	if p.below == nil {
		f.first = p.above
	} else {
		p.below.above = p.above
	}
	if p.above == nil {
		f.last = p.below
	} else {
		p.above.below = p.below
	}
	p.above, p.below = nil, nil
}

// before is the highest timestamp below t, which is not the zero one, that the store can hold: in a layout the one
// of the packed value before. (The highest of all would be rounded up, to t.)
func before(t hlc.Timestamp, layout hlc.Layout) hlc.Timestamp {
	if layout != (hlc.Layout{}) {
		packed, err := layout.Pack(t)
		if err != nil || packed == 0 {
			return hlc.Timestamp{}
		}
		lower, err := layout.Unpack(packed - 1)
		if err != nil {
			return hlc.Timestamp{}
		}
		return lower
	}
	if t.Logical > 0 {
		return hlc.Timestamp{WallTime: t.WallTime, Logical: t.Logical - 1}
	}
	return hlc.Timestamp{WallTime: t.WallTime - 1, Logical: 1<<32 - 1}
}
