// Package tcp dials the stores so that a peer which has gone silent is noticed in
// seconds instead of the kernel's quarter of an hour. It must not know any protocol.
package tcp

import (
	"net"
	"syscall"
	"time"
)

const (
	keepAliveIdle     = 5 * time.Second
	keepAliveInterval = 2 * time.Second
	keepAliveCount    = 3
	// userTimeout bounds how long written bytes may stay unacknowledged by the peer's
	// kernel. Keep-alive probes do not cover that case: they are only sent while idle.
	userTimeout = 10 * time.Second
)

// Dialer returns a dialer that gives up after timeout, and whose connections break
// about ten seconds after the peer has vanished.
func Dialer(timeout time.Duration) *net.Dialer {
	return &net.Dialer{
		Timeout: timeout,
		KeepAliveConfig: net.KeepAliveConfig{
			Enable: true, Idle: keepAliveIdle, Interval: keepAliveInterval, Count: keepAliveCount,
		},
		Control: func(network, _ string, conn syscall.RawConn) error {
			return setUserTimeout(network, conn)
		},
	}
}
