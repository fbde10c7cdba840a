//go:build failpoints

package failpoint

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	killLater = 50 * time.Millisecond
	pauseFor  = 2 * time.Second
)

// point is the place that is armed.
type point struct {
	name   Name
	left   atomic.Int64
	action func()
}

// armed reads the environment when the first place is reached.
var armed = sync.OnceValue(func() *point {
	text := os.Getenv(Variable) //nolint:forbidigo // no main passes it on: this build is for tests
	if text == "" {
		return nil
	}
	p, err := parse(text)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", Variable, err)
		os.Exit(2)
	}
	return p
})

func parse(text string) (*point, error) {
	place, action, _ := strings.Cut(text, "=")
	name, count, counted := strings.Cut(place, ":")
	n := 1
	if counted {
		var err error
		if n, err = strconv.Atoi(count); err != nil || n < 1 {
			return nil, fmt.Errorf("%q: %q is not a positive number", text, count)
		}
	}
	do, known := map[string]func(){
		"": kill, "kill": kill,
		"kill-later": func() { time.Sleep(killLater); kill() },
		"stop":       func() { signal(syscall.SIGSTOP) },
		"pause":      func() { time.Sleep(pauseFor) },
	}[action]
	if !known {
		return nil, fmt.Errorf("%q: there is no action %q", text, action)
	}
	p := &point{name: Name(name), action: do}
	p.left.Store(int64(n))
	return p, nil
}

func kill() {
	signal(syscall.SIGKILL)
	select {} // until the signal arrives
}

func signal(s syscall.Signal) { _ = syscall.Kill(os.Getpid(), s) }

// Here marks a place, and takes the action that the environment asks for there.
func Here(name Name) {
	p := armed()
	if p == nil || p.name != name || p.left.Add(-1) != 0 {
		return
	}
	fmt.Fprintf(os.Stderr, "failpoint %s reached\n", name)
	p.action()
}
