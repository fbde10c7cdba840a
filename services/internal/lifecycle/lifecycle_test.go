package lifecycle_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/eventflow-dev/eventflow/services/internal/lifecycle"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type recorder struct {
	mu    sync.Mutex
	lines []string
}

func (r *recorder) add(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, line)
}

// component notes when it stops and returns err.
func (r *recorder) component(name string, err error) lifecycle.Component {
	return lifecycle.Component{Name: name, Run: func(ctx context.Context) error {
		<-ctx.Done()
		r.add("stopped " + name)
		return err
	}}
}

func TestRunStopsInReverse(t *testing.T) {
	t.Parallel()
	var r recorder
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	errLast := errors.New("no farewell")
	err := lifecycle.Run(ctx,
		lifecycle.OnStop("pool", func() error { r.add("stopped pool"); return nil }),
		r.component("use case", nil), r.component("server", errLast))
	if !errors.Is(err, errLast) || !strings.Contains(err.Error(), "server") {
		t.Errorf("Run = %v, want the server's error with its name", err)
	}
	want := []string{"stopped server", "stopped use case", "stopped pool"}
	if diff := cmp.Diff(want, r.lines); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

func TestRunEndsWhenAComponentFails(t *testing.T) {
	t.Parallel()
	var r recorder
	errBind := errors.New("address in use")
	err := lifecycle.Run(t.Context(), r.component("pool", nil),
		lifecycle.Component{Name: "server", Run: func(context.Context) error { return errBind }})
	if !errors.Is(err, errBind) {
		t.Errorf("Run = %v, want %v", err, errBind)
	}
	if diff := cmp.Diff([]string{"stopped pool"}, r.lines); diff != "" {
		t.Errorf("stopped (-want +got):\n%s", diff)
	}
}

func TestRunGoesOnAfterAFinishedComponent(t *testing.T) {
	t.Parallel()
	finished := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	var r recorder
	go func() {
		done <- lifecycle.Run(ctx, r.component("server", nil),
			lifecycle.Component{Name: "check", Run: func(context.Context) error { close(finished); return nil }})
	}()
	<-finished
	select {
	case err := <-done:
		t.Fatalf("Run returned (%v) although the server still runs", err)
	default:
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run = %v", err)
	}
}

func TestRunGivesUpOnAStuckComponent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		start := time.Now()
		var r recorder
		err := lifecycle.Run(ctx, r.component("pool", nil), lifecycle.Component{
			Name: "stuck", Grace: 3 * time.Second,
			Run: func(context.Context) error { <-release; return nil },
		})
		if !errors.Is(err, lifecycle.ErrStuck) || time.Since(start) != 3*time.Second {
			t.Errorf("Run = %v after %s, want ErrStuck after its grace of 3 s", err, time.Since(start))
		}
		if diff := cmp.Diff([]string{"stopped pool"}, r.lines); diff != "" {
			t.Errorf("the others were not stopped (-want +got):\n%s", diff)
		}
		close(release)
	})
}
