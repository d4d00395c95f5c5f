package queue

// tally counts what a camera has in the queue. Ready includes what is leased.
type tally struct {
	Ready        int64 `json:"ready"`
	Deferred     int64 `json:"deferred"`
	Parked       int64 `json:"parked"`
	Bytes        int64 `json:"bytes"`
	Delivered    int64 `json:"delivered"`
	Dropped      int64 `json:"dropped"`
	LastCaptured int64 `json:"last_captured"` // ms since 1970; 0: never
	// What follows came later; a database from before has nothing of it.
	Lost  int64  `json:"lost,omitempty"` // of Parked: the payload is missing or damaged
	Sent  int64  `json:"sent,omitempty"` // bytes of what was delivered
	Delay Delays `json:"delay,omitzero"`
}

// hold counts an item that came, or with -1 one that goes.
func (c *tally) hold(it Item, n int64) {
	*c.slot(it.State) += n
	c.Bytes += n * it.Bytes
	if it.bytesLost() {
		c.Lost = max(c.Lost+n, 0) // a database from before this counter begins with nothing
	}
}

// slot is the counter of a state that has a bucket.
func (c *tally) slot(s State) *int64 {
	switch s {
	case Deferred:
		return &c.Deferred
	case Parked:
		return &c.Parked
	default:
		return &c.Ready
	}
}

// add changes a total by the difference of two tallies of one camera.
func (c *tally) add(now, before tally) {
	c.Ready += now.Ready - before.Ready
	c.Deferred += now.Deferred - before.Deferred
	c.Parked += now.Parked - before.Parked
	c.Bytes += now.Bytes - before.Bytes
	c.Delivered += now.Delivered - before.Delivered
	c.Dropped += now.Dropped - before.Dropped
	c.LastCaptured = max(c.LastCaptured, now.LastCaptured)
	c.Lost += now.Lost - before.Lost
	c.Sent += now.Sent - before.Sent
	c.Delay.add(now.Delay, before.Delay)
}
