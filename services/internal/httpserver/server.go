package httpserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/eventflow-dev/eventflow/services/internal/telemetry"
)

// The bounds of every connection. The idle timeout is longer than that of a proxy in
// front (nginx keeps upstream connections for 60 s), so that it is the proxy that closes first.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 90 * time.Second
	maxHeaderBytes    = 32 << 10
)

// DefaultDrainTimeout is how long requests in flight may take to end once the server stops.
const DefaultDrainTimeout = 15 * time.Second

// Options is what a Server is made of.
type Options struct {
	// Name tells the servers of one process apart in logs.
	Name string
	// Address is where to listen, such as ":8080".
	Address string
	Handler http.Handler
	Logger  *slog.Logger
	// Health, where given, turns not ready when the server begins to stop.
	Health *Health
	// ShutdownDelay is how long the server goes on answering after it has turned not
	// ready, so that load balancers can notice.
	ShutdownDelay time.Duration
	// DrainTimeout bounds the end of requests in flight; zero means DefaultDrainTimeout.
	DrainTimeout time.Duration
}

// Server is an HTTP server that ends gracefully.
type Server struct {
	options Options
	server  *http.Server
}

// New makes a server; Run starts it.
func New(o Options) *Server {
	o.DrainTimeout = cmp.Or(o.DrainTimeout, DefaultDrainTimeout)
	return &Server{options: o, server: &http.Server{
		Handler:           o.Handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
	}}
}

// Run listens and serves until ctx ends, then drains: not ready, the delay, no new
// connections, the end of the requests in flight. It logs the address that it got.
func (s *Server) Run(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.options.Address)
	if err != nil {
		return fmt.Errorf("listen for %s: %w", s.options.Name, err)
	}
	s.options.Logger.InfoContext(ctx, "Started server",
		telemetry.KeyComponent, s.options.Name, telemetry.KeyAddress, listener.Addr().String())
	served := make(chan error, 1)
	go func() { served <- s.server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve %s on %s: %w", s.options.Name, listener.Addr(), err)
	case <-ctx.Done():
	}
	err = s.drain(context.WithoutCancel(ctx))
	if serveErr := <-served; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("serve %s: %w", s.options.Name, serveErr))
	}
	return err
}

// Grace is how long Run may take to return once its context has ended.
func (s *Server) Grace() time.Duration {
	return s.options.ShutdownDelay + s.options.DrainTimeout + time.Second
}

func (s *Server) drain(ctx context.Context) error {
	if s.options.Health != nil {
		s.options.Health.SetDraining()
	}
	if s.options.ShutdownDelay > 0 {
		delay := time.NewTimer(s.options.ShutdownDelay)
		defer delay.Stop()
		<-delay.C
	}
	ctx, cancel := context.WithTimeout(ctx, s.options.DrainTimeout)
	defer cancel()
	if err := s.server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("drain %s: %w", s.options.Name, err), s.server.Close())
	}
	s.options.Logger.InfoContext(ctx, "Stopped server", telemetry.KeyComponent, s.options.Name)
	return nil
}
