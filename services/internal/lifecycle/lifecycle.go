// Package lifecycle runs the components of a process: it starts them in order, and when
// the process is told to end, or one of them fails, it stops them one after the other in
// reverse. It must not know what the components do.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// DefaultGrace is how long a component may take to stop where it does not say.
const DefaultGrace = 10 * time.Second

// ErrStuck is wrapped by the error about a component that did not stop within its grace.
var ErrStuck = errors.New("did not stop in time")

// Component is a part of a process that runs for as long as the process does.
type Component struct {
	// Name appears in errors.
	Name string
	// Run works until ctx ends, stops what it began, and returns. nil before ctx ends
	// means that the work is done and the others go on; an error stops all of them.
	Run func(ctx context.Context) error
	// Grace bounds how long Run may take to return once ctx has ended; zero means DefaultGrace.
	Grace time.Duration
}

// OnStop is a component that only has something to do at the end, such as closing a pool.
func OnStop(name string, stop func() error) Component {
	return Component{Name: name, Run: func(ctx context.Context) error {
		<-ctx.Done()
		return stop()
	}}
}

type running struct {
	component Component
	cancel    context.CancelFunc
	done      chan error
}

// Run starts the components in the order given and waits until ctx ends, a component
// fails, or all are done. Then it ends them in reverse order, each only after the one
// before it in that order has returned or used up its grace. It returns every error, joined.
func Run(ctx context.Context, components ...Component) error {
	// Components must outlive ctx until it is their turn to stop.
	base := context.WithoutCancel(ctx)
	ended := make(chan error, len(components))
	started := make([]running, len(components))
	for i, c := range components {
		componentCtx, cancel := context.WithCancel(base)
		r := running{component: c, cancel: cancel, done: make(chan error, 1)}
		started[i] = r
		go func() {
			err := r.component.Run(componentCtx)
			r.done <- err
			ended <- err
		}()
	}
	awaitEnd(ctx, ended)
	var problems []error
	for _, s := range slices.Backward(started) {
		problems = append(problems, s.stop())
	}
	return errors.Join(problems...)
}

// awaitEnd returns when ctx ends, a component fails, or all of them are done.
func awaitEnd(ctx context.Context, ended <-chan error) {
	for range cap(ended) {
		select {
		case <-ctx.Done():
			return
		case err := <-ended:
			if err != nil {
				return
			}
		}
	}
}

func (r running) stop() error {
	r.cancel()
	grace := r.component.Grace
	if grace == 0 {
		grace = DefaultGrace
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case err := <-r.done:
		if err != nil {
			return fmt.Errorf("%s: %w", r.component.Name, err)
		}
		return nil
	case <-timer.C:
		return fmt.Errorf("%s: %w (%s)", r.component.Name, ErrStuck, grace)
	}
}
