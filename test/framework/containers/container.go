package containers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

const (
	commandTimeout = time.Minute
	// readyTimeout bounds how long a store may take to answer, on a busy machine too.
	readyTimeout = 2 * time.Minute
	pollInterval = 50 * time.Millisecond
	// lifetime is after when a container counts as left behind by a run that was killed.
	lifetime = 2 * time.Hour
	label    = "eventflow-test-expires"
)

// Container is one running store.
type Container struct {
	id    string
	port  int
	probe func(context.Context) error
}

// spec is how a store is started.
type spec struct {
	image string
	// port is the one inside the container.
	port int
	// options of docker run, and the command behind the image.
	options, command []string
}

// start runs the container and waits until probe, which gets its address, succeeds.
func start(ctx context.Context, s spec, probe func(ctx context.Context, address string) error) (*Container, error) {
	if err := sweep(ctx); err != nil {
		return nil, err
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	arguments := []string{
		"run", "--detach",
		"--label", fmt.Sprintf("%s=%d", label, time.Now().Add(lifetime).Unix()),
		"--publish", fmt.Sprintf("127.0.0.1:%d:%d", port, s.port),
	}
	arguments = append(arguments, s.options...)
	arguments = append(arguments, s.image)
	id, err := docker(ctx, append(arguments, s.command...)...)
	if err != nil {
		return nil, err
	}
	c := &Container{id: id, port: port}
	c.probe = func(ctx context.Context) error { return probe(ctx, c.Address()) }
	if err := c.AwaitReady(ctx); err != nil {
		logs, _ := docker(ctx, "logs", "--tail", "50", id)
		return nil, errors.Join(fmt.Errorf("start %s: %w\n%s", s.image, err, logs), c.Remove(ctx))
	}
	return c, nil
}

// Address is where the store listens: a loopback address and port that stay the same
// through restarts.
func (c *Container) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port)) }

// AwaitReady waits until the store answers.
func (c *Container) AwaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		err := c.probe(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the store to answer: %w: %w", ctx.Err(), err)
		case <-ticker.C:
		}
	}
}

// Stop ends the store in its own orderly way.
func (c *Container) Stop(ctx context.Context) error {
	_, err := docker(ctx, "stop", "--time", "30", c.id)
	return err
}

// Kill ends the store at once, as a crash does.
func (c *Container) Kill(ctx context.Context) error {
	_, err := docker(ctx, "kill", c.id)
	return err
}

// Start starts a stopped or killed store with the data it had, and waits for it.
func (c *Container) Start(ctx context.Context) error {
	if _, err := docker(ctx, "start", c.id); err != nil {
		return err
	}
	return c.AwaitReady(ctx)
}

// Pause freezes the store: its port still takes connections and never answers.
func (c *Container) Pause(ctx context.Context) error {
	_, err := docker(ctx, "pause", c.id)
	return err
}

// Unpause ends a Pause.
func (c *Container) Unpause(ctx context.Context) error {
	_, err := docker(ctx, "unpause", c.id)
	return err
}

// Exec runs a command inside the container and returns what it printed.
func (c *Container) Exec(ctx context.Context, command ...string) (string, error) {
	return docker(ctx, append([]string{"exec", c.id}, command...)...)
}

// Remove ends the store and deletes its data.
func (c *Container) Remove(ctx context.Context) error {
	_, err := docker(context.WithoutCancel(ctx), "rm", "--force", "--volumes", c.id)
	return err
}

// sweep removes what runs before this one left behind.
func sweep(ctx context.Context) error {
	listed, err := docker(ctx, "ps", "--all", "--filter", "label="+label, "--format", `{{.ID}} {{.Label "`+label+`"}}`)
	if err != nil {
		return err
	}
	for line := range strings.Lines(listed) {
		id, expires, _ := strings.Cut(strings.TrimSpace(line), " ")
		deadline, err := strconv.ParseInt(expires, 10, 64)
		if err != nil || time.Now().Before(time.Unix(deadline, 0)) {
			continue
		}
		if _, err := docker(ctx, "rm", "--force", "--volumes", id); err != nil {
			return err
		}
	}
	return nil
}

func freePort(ctx context.Context) (int, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// docker runs one docker command and returns what it printed, trimmed.
func docker(ctx context.Context, arguments ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(ctx, "docker", arguments...)
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("docker %s: %w: %s", arguments[0], err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(stdout.String()), nil
}
