package fencing

// run is the only goroutine, and the only one that writes; Close joins it.
func (r *Register) run() {
	defer close(r.joined)
	for {
		select {
		case <-r.stop:
			return
		case first := <-r.raises:
			r.persist(r.batch(first))
		}
	}
}

// batch takes all that wait for the disk.
func (r *Register) batch(first *resource) []*resource {
	batch := []*resource{first}
	for {
		select {
		case s := <-r.raises:
			batch = append(batch, s)
		default:
			return batch
		}
	}
}

// persist makes the new maxima durable, and only then lets them be used. Nobody but settle changes what is being raised.
func (r *Register) persist(batch []*resource) {
	r.mu.Lock()
	over := r.ended != nil
	r.mu.Unlock()
	if over { // after an error the disk is not touched again
		return
	}
	for _, s := range batch {
		s.mu.Lock()
		r.saved.max[s.name] = s.raising
		s.mu.Unlock()
	}
	err := r.slots.save(r.saved)
	if err != nil {
		r.end(err)
	}
	for _, s := range batch {
		s.settle(err == nil)
	}
}
