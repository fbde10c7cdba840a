package memory

import "sync"

// Faults makes a twin misbehave on demand. The zero value does not.
type Faults struct {
	mu     sync.Mutex
	before error
	after  error
}

// Fail makes every call from now on return err without doing anything; nil ends it.
func (f *Faults) Fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before = err
}

// LoseReplies makes every call from now on do its work and then return err, as when
// the answer is lost on its way back; nil ends it.
func (f *Faults) LoseReplies(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.after = err
}

// begin is what a call starts with.
func (f *Faults) begin() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.before
}

// end is what a call that did its work returns.
func (f *Faults) end() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.after
}
