package fencing

import "math/bits"

// index finds a resource by its name. It is replaced as a whole, so that nobody needs a lock to look. A map spends most of a
// look on the hash of the name; so the first resource in each of some cells is looked at before.
type index struct {
	cells []*resource // as many as a power of two, and some times the resources; none when the register has ended
	all   map[string]*resource
}

func newIndex(all map[string]*resource) *index {
	x := &index{cells: make([]*resource, 4<<bits.Len(uint(len(all)))), all: make(map[string]*resource, len(all))}
	for name, s := range all {
		x.all[name] = s
		if c := x.cell(name); *c == nil {
			*c = s
		}
	}
	return x
}

func (x *index) find(name string) *resource {
	if name == "" || len(x.cells) == 0 {
		return nil
	}
	if s := *x.cell(name); s != nil && s.name == name {
		return s
	}
	return x.all[name]
}

// cell of a name that is not empty: names that are counted differ in their last digits.
func (x *index) cell(name string) **resource {
	n := len(name) - 1
	last := uint(name[n]) + 10*uint(name[max(n-1, 0)]) + 100*uint(name[max(n-2, 0)]) + 1000*uint(name[max(n-3, 0)])
	return &x.cells[last&uint(len(x.cells)-1)]
}
