package fencing

// index finds a resource by its name. It is replaced as a whole, so that nobody needs a lock to look. A map spends most of a
// look on the hash of the name; so the first resource in each of some cells is looked at before.
type index struct {
	cells [256]*resource
	all   map[string]*resource
}

func newIndex(all map[string]*resource) *index {
	x := &index{all: make(map[string]*resource, len(all))}
	for name, s := range all {
		x.all[name] = s
		if c := &x.cells[cell(name)]; *c == nil {
			*c = s
		}
	}
	return x
}

func (x *index) find(name string) *resource {
	if name == "" {
		return nil
	}
	if s := x.cells[cell(name)]; s != nil && s.name == name {
		return s
	}
	return x.all[name]
}

// cell of a name that is not empty: names that are counted differ in their last digits.
func cell(name string) byte {
	n := len(name)
	return name[n-1] + 10*name[max(n-2, 0)] + 100*name[max(n-3, 0)]
}
