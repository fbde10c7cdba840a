package rabbitmq

import (
	"errors"
	"net"
	"sync"
	"time"
)

// maxUnsent bounds the bytes that wait for the socket; whoever brings more waits too.
const maxUnsent = 1 << 20

var errWriteClosed = errors.New("connection is closed")

// coalescer is a net.Conn that lets concurrent writers share system calls: Write only
// appends to a buffer, and one goroutine writes out whatever has gathered since its last call. The
// client library makes one write for each message, which otherwise is most of its CPU time.
//
// A nil error of Write therefore does not mean that the bytes have left. That is no
// loss here: only the broker's confirm ever counts. Once a write fails, or has not got through within
// its deadline because the broker does not read, the connection is closed and every later Write fails.
type coalescer struct {
	net.Conn
	writeTimeout time.Duration
	clock        func() time.Time

	mu      sync.Mutex
	changed *sync.Cond
	// buffer gathers what is to be written while spare is being written.
	buffer, spare []byte
	err           error
	done          chan struct{}
}

func newCoalescer(conn net.Conn, writeTimeout time.Duration, clock func() time.Time) *coalescer {
	c := &coalescer{Conn: conn, writeTimeout: writeTimeout, clock: clock, done: make(chan struct{})}
	c.changed = sync.NewCond(&c.mu)
	go c.flush()
	return c
}

// Write implements net.Conn. It waits only while the buffer is full, at most for the
// write timeout.
func (c *coalescer) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.err == nil && len(c.buffer) >= maxUnsent {
		c.changed.Wait()
	}
	if c.err != nil {
		return 0, c.err
	}
	c.buffer = append(c.buffer, p...)
	c.changed.Broadcast()
	return len(p), nil
}

// flush writes the buffer out until the connection is closed.
func (c *coalescer) flush() {
	defer close(c.done)
	for {
		batch := c.next()
		if len(batch) == 0 {
			return
		}
		if err := c.writeOut(batch); err != nil {
			c.fail(err)
			_ = c.Conn.Close() // the library's reader notices and ends the connection
			return
		}
	}
}

// next waits for bytes to write and takes them all; none means that the connection is
// closed and everything before that has been taken.
func (c *coalescer) next() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.err == nil && len(c.buffer) == 0 {
		c.changed.Wait()
	}
	batch := c.buffer
	c.buffer, c.spare = c.spare[:0], batch
	c.changed.Broadcast()
	return batch
}

func (c *coalescer) writeOut(batch []byte) error {
	if err := c.Conn.SetWriteDeadline(c.clock().Add(c.writeTimeout)); err != nil {
		return err
	}
	_, err := c.Conn.Write(batch)
	return err
}

// fail makes the connection refuse writes from now on. The first reason stays.
func (c *coalescer) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
	c.changed.Broadcast()
}

// Close implements net.Conn: what was written before is written out first, within the
// write timeout.
func (c *coalescer) Close() error {
	c.fail(errWriteClosed)
	<-c.done
	return c.Conn.Close()
}

// abort closes the socket at once, whatever still waits for it.
func (c *coalescer) abort() {
	c.fail(errWriteClosed)
	_ = c.Conn.Close()
}

// SetDeadline implements net.Conn. Writes have a deadline each, which the library must
// not lift, so that only reads get this one.
func (c *coalescer) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetWriteDeadline implements net.Conn and does nothing, for the same reason.
func (c *coalescer) SetWriteDeadline(time.Time) error { return nil }
