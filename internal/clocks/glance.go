package clocks

// Glance takes one sandwich. It costs an eighth of [Read] and may be wide or torn, which a
// [Judge] does not mind: for whoever looks for ever and wants to cost nothing.
func Glance() (Sandwich, error) {
	s, err := take(gettime)
	s.Alone, s.Tick = alone, tick()
	return s, err
}
