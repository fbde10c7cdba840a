package tcp_test

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/eventflow-dev/eventflow/services/internal/tcp"
)

func TestDialerBoundsUnacknowledgedWrites(t *testing.T) {
	t.Parallel()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })

	conn, err := tcp.Dialer(time.Second).DialContext(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })

	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for name, option := range map[string]int{
		"user timeout in ms": unix.TCP_USER_TIMEOUT, "keep-alive idle in s": unix.TCP_KEEPIDLE,
		"keep-alive interval in s": unix.TCP_KEEPINTVL, "keep-alive count": unix.TCP_KEEPCNT,
	} {
		var value int
		if err := raw.Control(func(fd uintptr) {
			value, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, option)
		}); err != nil {
			t.Fatal(err)
		}
		want := map[int]int{unix.TCP_USER_TIMEOUT: 10_000, unix.TCP_KEEPIDLE: 5, unix.TCP_KEEPINTVL: 2, unix.TCP_KEEPCNT: 3}[option]
		if err != nil || value != want {
			t.Errorf("%s: got %d, %v, want %d", name, value, err, want)
		}
	}
}
