package fulfil

// pace is the slow start: a ledger that has just come back is met by small batches
// from a small window, and full batches that it takes double them. It belongs to one goroutine.
type pace struct{ first, limit, max int }

func newPace(first, limit int) *pace { return &pace{first: first, limit: first, max: limit} }

// batch is the greatest batch now.
func (p *pace) batch() int { return p.limit }

// prefetch is the window for a session opened now: twice what its batches may hold, so
// that one can fill while another is committed.
func (p *pace) prefetch() int {
	if p.limit == p.first {
		return 2 * p.first
	}
	return 2 * p.max
}

// committed notes that the ledger took a batch. Only a full one says that it could take more.
func (p *pace) committed(size int) {
	if size >= p.limit {
		p.limit = min(2*p.limit, p.max)
	}
}

// outgrown reports whether batches no longer fit into a session's window. A window
// cannot grow (quorum queues have it per consumer), so the session is exchanged: once a slow start.
func (p *pace) outgrown(prefetch int) bool { return p.limit > prefetch }

// slowDown begins again.
func (p *pace) slowDown() { p.limit = p.first }
