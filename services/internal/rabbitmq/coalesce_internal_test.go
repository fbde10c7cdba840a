package rabbitmq

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// gatedConn lets a test hold up writes and count them.
type gatedConn struct {
	net.Conn
	gate   chan struct{}
	writes atomic.Int64
	first  chan struct{}
	once   sync.Once
}

func (c *gatedConn) Write(p []byte) (int, error) {
	c.once.Do(func() { close(c.first) })
	<-c.gate
	c.writes.Add(1)
	return c.Conn.Write(p)
}

// tcpPair returns both ends of a connection.
func tcpPair(t *testing.T) (client, server net.Conn) {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	accepted := make(chan net.Conn, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			t.Errorf("accept: %v", err)
		}
		accepted <- conn
	}()
	var dialer net.Dialer
	client, err = dialer.DialContext(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server = <-accepted
	t.Cleanup(func() {
		_ = client.Close()
		_ = server.Close()
	})
	return client, server
}

// TestCoalescerSharesWrites: what arrives while a write is under way leaves with the next one.
func TestCoalescerSharesWrites(t *testing.T) {
	t.Parallel()
	client, server := tcpPair(t)
	gated := &gatedConn{Conn: client, gate: make(chan struct{}), first: make(chan struct{})}
	c := newCoalescer(gated, time.Second, time.Now)
	var want bytes.Buffer
	for i := range 1000 {
		frame := binary.BigEndian.AppendUint32(nil, uint32(i))
		want.Write(frame)
		if n, err := c.Write(frame); n != len(frame) || err != nil {
			t.Fatalf("write %d: %d, %v", i, n, err)
		}
		if i == 0 {
			<-gated.first // the first write is under way and held up
		}
	}
	close(gated.gate)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(server)
	if err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("got %d bytes, %v, want the %d in order", len(got), err, want.Len())
	}
	if n := gated.writes.Load(); n > 2 {
		t.Errorf("%d system calls for 1000 frames, want 2", n)
	}
}

// TestCoalescerKeepsFramesWhole: frames of concurrent writers are never mixed.
func TestCoalescerKeepsFramesWhole(t *testing.T) {
	t.Parallel()
	client, server := tcpPair(t)
	c := newCoalescer(client, time.Second, time.Now)
	const writers, frames, size = 8, 200, 64
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := range frames {
				frame := bytes.Repeat([]byte{byte(w)}, size)
				binary.BigEndian.PutUint32(frame[1:], uint32(i))
				if _, err := c.Write(frame); err != nil {
					t.Errorf("write: %v", err)
				}
			}
		})
	}
	go func() {
		group.Wait()
		_ = c.Close()
	}()
	next := map[byte]uint32{}
	frame := make([]byte, size)
	for range writers * frames {
		if _, err := io.ReadFull(server, frame); err != nil {
			t.Fatal(err)
		}
		writer, number := frame[0], binary.BigEndian.Uint32(frame[1:])
		if number != next[writer] || !bytes.Equal(frame[5:], bytes.Repeat([]byte{writer}, size-5)) {
			t.Fatalf("writer %d: frame %d is not its next whole one", writer, number)
		}
		next[writer]++
	}
}

// TestCoalescerDeadline: a peer that does not read ends the connection, in a bounded
// time, for every writer.
func TestCoalescerDeadline(t *testing.T) {
	t.Parallel()
	client, server := tcpPair(t)
	c := newCoalescer(client, 100*time.Millisecond, time.Now)
	chunk := make([]byte, 256<<10)
	begun := time.Now()
	var err error
	for range 1000 {
		if _, err = c.Write(chunk); err != nil {
			break
		}
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v, want the write's deadline", err)
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("writers were held for %s", took)
	}
	if _, err := c.Write([]byte("later")); err == nil {
		t.Error("a broken connection took a write")
	}
	_ = c.Close()
	if _, err := io.Copy(io.Discard, server); err != nil && !errors.Is(err, io.EOF) {
		t.Logf("the peer saw: %v", err)
	}
}

func TestCoalescerClose(t *testing.T) {
	t.Parallel()
	client, server := tcpPair(t)
	c := newCoalescer(client, time.Second, time.Now)
	if _, err := c.Write([]byte("farewell")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_ = c.Close()
	}
	if got, err := io.ReadAll(server); err != nil || string(got) != "farewell" {
		t.Errorf("got %q, %v, want what was written before the close", got, err)
	}
	if _, err := c.Write([]byte("x")); !errors.Is(err, errWriteClosed) {
		t.Errorf("got %v, want errWriteClosed", err)
	}
}

// TestCoalescerAbort: nothing holds up an abort, not even a write that is under way.
func TestCoalescerAbort(t *testing.T) {
	t.Parallel()
	client, _ := tcpPair(t)
	c := newCoalescer(client, time.Minute, time.Now)
	chunk := make([]byte, 512<<10)
	blocked := make(chan struct{})
	go func() {
		defer close(blocked)
		for {
			if _, err := c.Write(chunk); err != nil {
				return
			}
		}
	}()
	c.abort()
	<-blocked
	<-c.done
}

// TestCoalescerDeadlinesOfTheLibrary: the library sets deadlines for reads and writes
// alike; only those for reads may come through.
func TestCoalescerDeadlinesOfTheLibrary(t *testing.T) {
	t.Parallel()
	client, server := tcpPair(t)
	c := newCoalescer(client, time.Second, time.Now)
	defer func() { _ = c.Close() }()
	past := time.Now().Add(-time.Second)
	if err := errors.Join(c.SetWriteDeadline(past), c.SetDeadline(past)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("still written")); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, len("still written"))
	if _, err := io.ReadFull(server, buffer); err != nil {
		t.Errorf("the write did not get through: %v", err)
	}
	if _, err := c.Read(buffer); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read: got %v, want its deadline", err)
	}
}
