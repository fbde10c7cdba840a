// Command analytics tells what has been sold.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/eventflow-dev/eventflow/services/internal/telemetry"
)

func main() { os.Exit(exitCode()) }

func exitCode() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Environ(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "analytics:", err)
		return 1
	}
	return 0
}

// run is the whole life of the process: it ends when ctx does. It needs no store to be
// there, neither at the start nor later.
func run(ctx context.Context, environ []string, stdout io.Writer) error {
	config, err := FromEnv(environ)
	if err != nil {
		return err
	}
	log := telemetry.NewLogger(stdout, config.LogLevel, config.Node)
	stores, err := openStores(ctx, config)
	if err != nil {
		return err
	}
	app, err := newApp(config, stores, log, time.Now)
	if err != nil {
		return errors.Join(err, stores.close())
	}
	log.InfoContext(ctx, "Starting analytics service", telemetry.KeyVersion, telemetry.Version())
	return app.run(ctx)
}
