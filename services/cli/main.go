// Command eventflow is for people who run a box office, and for buyers who doubt it: it
// verifies receipts, looks after dead letters, and judges the history of a run. It is a client only: it
// must not know how tickets are sold, and it needs none of the services that it does not ask.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(exitCode()) }

func exitCode() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	return run(ctx, system{args: os.Args[1:], getenv: os.Getenv, in: os.Stdin, out: os.Stdout, err: os.Stderr})
}
