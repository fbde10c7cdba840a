// Package processes runs EventFlow's services as real processes, for tests that kill,
// stop and restart them: built once, started on free loopback ports with their secrets
// in files, as a cluster starts them. They are built with failpoints, which do nothing unless
// a start arms one. It must not know what a test asserts.
package processes

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/eventflow-dev/eventflow/services/failpoint"
)

// Stores are the URLs that a service is given.
type Stores struct{ Postgres, Redis, RabbitMQ string }

var (
	buildOnce sync.Once
	buildDir  string
	errBuild  error
)

// build compiles the services once for all tests of the process.
func build(t *testing.T) string {
	t.Helper()
	buildOnce.Do(func() {
		buildDir, errBuild = os.MkdirTemp("", "eventflow-services-")
		if errBuild != nil {
			return
		}
		command := exec.Command("go", "build", fmt.Sprintf("-race=%t", race), "-tags", "failpoints", "-o", buildDir+"/",
			"github.com/eventflow-dev/eventflow/services/purchase", "github.com/eventflow-dev/eventflow/services/consumer")
		if out, err := command.CombinedOutput(); err != nil {
			errBuild = fmt.Errorf("build services: %w: %s", err, out)
		}
	})
	if errBuild != nil {
		t.Fatal(errBuild)
	}
	return buildDir
}

// Cleanup removes what build made. TestMain calls it last.
func Cleanup() { _ = os.RemoveAll(buildDir) }

// Service is one process.
type Service struct {
	// Name is the service's node name.
	Name string
	// URL is where its HTTP API listens, MetricsURL where its metrics are.
	URL, MetricsURL string

	t       *testing.T
	binary  string
	env     []string
	command *exec.Cmd
	exited  chan struct{}
	log     *logBuffer
}

// Purchase starts a purchase service and returns once it is ready.
func Purchase(t *testing.T, name string, stores Stores, env ...string) *Service {
	t.Helper()
	return start(t, "purchase", name, stores, env)
}

// Consumer starts a consumer with the catalog (a JSON array of events).
func Consumer(t *testing.T, name string, stores Stores, catalog string, env ...string) *Service {
	t.Helper()
	file := filepath.Join(t.TempDir(), "catalog.json")
	write(t, file, catalog)
	return start(t, "consumer", name, stores, append(env, "EVENTFLOW_CATALOG_FILE="+file))
}

func start(t *testing.T, binary, name string, stores Stores, env []string) *Service {
	t.Helper()
	folder := t.TempDir()
	address, metrics := freeAddress(t), freeAddress(t)
	files := map[string]string{
		"POSTGRES_URL": stores.Postgres, "REDIS_URL": stores.Redis, "RABBITMQ_URL": stores.RabbitMQ,
		// The same keys for every pod, as the operator's Secret gives them.
		"ORDER_KEY":   base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32)),
		"RECEIPT_KEY": base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{2}, 32)),
	}
	s := &Service{
		Name: name, URL: "http://" + address, MetricsURL: "http://" + metrics + "/metrics", t: t, binary: filepath.Join(build(t), binary), log: &logBuffer{},
		env: append(os.Environ(), "EVENTFLOW_NODE="+name, "EVENTFLOW_HTTP_ADDRESS="+address, "EVENTFLOW_METRICS_ADDRESS="+metrics,
			// A test's load comes from one address.
			"EVENTFLOW_RATE_LIMIT=0", "EVENTFLOW_READ_RATE_LIMIT=0"),
	}
	for key, value := range files {
		file := filepath.Join(folder, key)
		write(t, file, value)
		s.env = append(s.env, "EVENTFLOW_"+key+"_FILE="+file)
	}
	s.env = append(s.env, env...)
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			t.Logf("log of %s:\n%s", name, s.log.tail(60))
		}
	})
	s.Start()
	return s
}

// Start runs the process, again after Kill or Stop, and waits until it is ready.
func (s *Service) Start() {
	s.t.Helper()
	s.launch("")
	if err := s.untilReady(); err != nil {
		s.t.Fatalf("%s is not ready: %v\n%s", s.Name, err, s.log.tail(40))
	}
}

// StartArmed is Start with a failpoint, which the process may reach before it is ready.
func (s *Service) StartArmed(point string) {
	s.t.Helper()
	s.launch(failpoint.Variable + "=" + point)
	if err := s.untilReady(); err != nil && !errors.Is(err, errEnded) {
		s.t.Fatalf("%s is neither ready nor has it ended: %v\n%s", s.Name, err, s.log.tail(40))
	}
}

func (s *Service) launch(env string) {
	s.t.Helper()
	s.command = exec.Command(s.binary)
	s.command.Env = append(slices.Clone(s.env), env)
	s.command.Stdout, s.command.Stderr = s.log, s.log
	if err := s.command.Start(); err != nil {
		s.t.Fatalf("start %s: %v", s.Name, err)
	}
	s.exited = make(chan struct{})
	go func(command *exec.Cmd, exited chan struct{}) {
		_ = command.Wait() // how it ended is what tests ask the log for
		close(exited)
	}(s.command, s.exited)
}

var errEnded = errors.New("it has ended")

func (s *Service) untilReady() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/readyz", nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-s.exited:
			return errEnded
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Kill ends the process at once (SIGKILL) and waits until it is gone.
func (s *Service) Kill() { s.end(syscall.SIGKILL) }

// Stop asks the process to end (SIGTERM) and waits until it has.
func (s *Service) Stop() { s.end(syscall.SIGTERM) }

func (s *Service) end(signal syscall.Signal) {
	if s.command == nil {
		return
	}
	_ = s.command.Process.Signal(syscall.SIGCONT)
	_ = s.command.Process.Signal(signal)
	select {
	case <-s.exited:
	case <-time.After(45 * time.Second):
		s.t.Errorf("%s does not end on %v", s.Name, signal)
		_ = s.command.Process.Kill()
	}
	s.command = nil
}

// Freeze stops the process where it is (SIGSTOP); Thaw lets it go on.
func (s *Service) Freeze() { s.signal(syscall.SIGSTOP) }

// Thaw lets a frozen process go on.
func (s *Service) Thaw() { s.signal(syscall.SIGCONT) }

func (s *Service) signal(signal syscall.Signal) {
	if err := s.command.Process.Signal(signal); err != nil {
		s.t.Errorf("send %v to %s: %v", signal, s.Name, err)
	}
}

// AwaitExit waits until the process has ended by itself, and reports whether it did.
func (s *Service) AwaitExit(atMost time.Duration) bool {
	select {
	case <-s.exited:
		return true
	case <-time.After(atMost):
		return false
	}
}

// Exited reports whether the process has ended by itself or been ended.
func (s *Service) Exited() bool {
	select {
	case <-s.exited:
		return true
	default:
		return false
	}
}

// Logged reports how many lines of the process' log contain text.
func (s *Service) Logged(text string) int { return s.log.count(text) }

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// logBuffer keeps what a process prints.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) lines() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Split(strings.TrimSpace(b.text.String()), "\n")
}

func (b *logBuffer) tail(n int) string {
	lines := b.lines()
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func (b *logBuffer) count(text string) int {
	n := 0
	for _, line := range b.lines() {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}
