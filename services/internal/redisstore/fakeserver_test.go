package redisstore_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// fakeServer speaks just enough of Redis' protocol to misbehave on purpose.
type fakeServer struct {
	listener net.Listener
	// answer returns the bytes to send back, or false to end the connection without a word.
	// It may block until the server is closed.
	answer func(s *fakeServer, command []string) (string, bool)
	closed chan struct{}
	group  sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool
	seen  map[string]int
}

func newFakeServer(t *testing.T, answer func(*fakeServer, []string) (string, bool)) *fakeServer {
	t.Helper()
	s := &fakeServer{
		listener: listenLocally(t), answer: answer, closed: make(chan struct{}), conns: map[net.Conn]bool{}, seen: map[string]int{},
	}
	s.group.Go(s.accept)
	t.Cleanup(s.close)
	return s
}

func listenLocally(t *testing.T) net.Listener {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

func (s *fakeServer) url() string { return "redis://" + s.listener.Addr().String() + "/0" }

// count returns how many times the command has arrived.
func (s *fakeServer) count(command string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen[command]
}

func (s *fakeServer) close() {
	close(s.closed)
	_ = s.listener.Close()
	s.mu.Lock()
	for conn := range s.conns {
		_ = conn.Close()
	}
	s.mu.Unlock()
	s.group.Wait()
}

func (s *fakeServer) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[conn] = true
		s.mu.Unlock()
		s.group.Go(func() { s.serve(conn) })
	}
}

func (s *fakeServer) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	reader := bufio.NewReader(conn)
	for {
		command, err := readCommand(reader)
		if err != nil {
			return
		}
		name := strings.ToLower(command[0])
		s.mu.Lock()
		s.seen[name]++
		s.mu.Unlock()
		if name == "hello" {
			if _, err := io.WriteString(conn, "-ERR unknown command\r\n"); err != nil {
				return
			}
			continue
		}
		reply, ok := s.answer(s, command)
		if !ok {
			return
		}
		if _, err := io.WriteString(conn, reply); err != nil {
			return
		}
	}
}

// readCommand reads an array of bulk strings.
func readCommand(r *bufio.Reader) ([]string, error) {
	count, err := readNumber(r, '*')
	if err != nil {
		return nil, err
	}
	command := make([]string, count)
	for i := range command {
		length, err := readNumber(r, '$')
		if err != nil {
			return nil, err
		}
		body := make([]byte, length+2)
		if _, err := io.ReadFull(r, body); err != nil {
			return nil, err
		}
		command[i] = string(body[:length])
	}
	return command, nil
}

func readNumber(r *bufio.Reader, prefix byte) (int, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return 0, err
	}
	if line[0] != prefix {
		return 0, fmt.Errorf("want %q, got %q", prefix, line)
	}
	return strconv.Atoi(strings.TrimSpace(line[1:]))
}
