package redisstore_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/eventflow-dev/eventflow/services/internal/redisstore"
	"github.com/eventflow-dev/eventflow/services/internal/storetest"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

func fakeClient(t *testing.T, url string) *redis.Client {
	t.Helper()
	client, err := redisstore.Open(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func anOrder() ticketing.Order {
	return storetest.NewOrder(ticketing.TierKey{EventID: "aurora", TierID: "general"}, 2)
}

func reserveOnce(t *testing.T, client *redis.Client) (checkout.Outcome, error) {
	t.Helper()
	reservations := redisstore.NewReservations(client, redisstore.Options{OutboxLimit: 10})
	return reservations.Reserve(t.Context(), checkout.Reservation{Order: anOrder(), Fingerprint: "f"})
}

// TestReserveErrors: what each kind of failure means, and that no script is sent twice.
func TestReserveErrors(t *testing.T) {
	t.Parallel()
	reply := func(text string) func(*fakeServer, []string) (string, bool) {
		return func(*fakeServer, []string) (string, bool) { return text, true }
	}
	for name, tc := range map[string]struct {
		answer func(*fakeServer, []string) (string, bool)
		want   error
	}{
		"loading":          {reply("-LOADING Redis is loading the dataset in memory\r\n"), checkout.ErrUnavailable},
		"disk error":       {reply("-MISCONF Errors writing to the AOF file\r\n"), checkout.ErrUnavailable},
		"out of memory":    {reply("-OOM command not allowed when used memory > 'maxmemory'. script: f, on @user_script:1.\r\n"), checkout.ErrUnavailable},
		"replica":          {reply("-READONLY You can't write against a read only replica.\r\n"), checkout.ErrUnavailable},
		"busy script":      {reply("-BUSY Redis is busy running a script\r\n"), checkout.ErrUnavailable},
		"no permission":    {reply("-NOPERM this user has no permissions\r\n"), checkout.ErrUnavailable},
		"script broke":     {reply("-WRONGTYPE Operation against a key holding the wrong kind of value script: f\r\n"), checkout.ErrOutcomeUnknown},
		"reply lost":       {func(*fakeServer, []string) (string, bool) { return "", false }, checkout.ErrOutcomeUnknown},
		"unreadable reply": {reply("+WHAT\r\n"), checkout.ErrOutcomeUnknown},
		"unknown word":     {reply("*1\r\n$4\r\nWHAT\r\n"), checkout.ErrOutcomeUnknown},
		"no reply": {func(s *fakeServer, _ []string) (string, bool) {
			<-s.closed
			return "", false
		}, checkout.ErrOutcomeUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newFakeServer(t, tc.answer)
			_, err := reserveOnce(t, fakeClient(t, server.url()))
			other := checkout.ErrUnavailable
			if errors.Is(tc.want, checkout.ErrUnavailable) {
				other = checkout.ErrOutcomeUnknown
			}
			if !errors.Is(err, tc.want) || errors.Is(err, other) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
			if n := server.count("evalsha") + server.count("eval"); n != 1 {
				t.Errorf("the script was sent %d times", n)
			}
		})
	}
}

// TestNeverWritten: as long as the command was not written, nothing happened, however
// far the connection had come.
func TestNeverWritten(t *testing.T) {
	t.Parallel()
	silent := listenLocally(t) // takes connections, never greets
	t.Cleanup(func() { _ = silent.Close() })
	refusing := listenLocally(t)
	_ = refusing.Close()
	for name, url := range map[string]string{
		"refused":       "redis://" + refusing.Addr().String(),
		"never greeted": "redis://" + silent.Addr().String(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := reserveOnce(t, fakeClient(t, url)); !errors.Is(err, checkout.ErrUnavailable) {
				t.Errorf("got %v, want ErrUnavailable", err)
			}
		})
	}
	t.Run("caller gave up before", func(t *testing.T) {
		t.Parallel()
		server := newFakeServer(t, func(*fakeServer, []string) (string, bool) { return "*1\r\n$8\r\nRESERVED\r\n", true })
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		reservations := redisstore.NewReservations(fakeClient(t, server.url()), redisstore.Options{})
		_, err := reservations.Reserve(ctx, checkout.Reservation{Order: anOrder()})
		if !errors.Is(err, checkout.ErrUnavailable) || server.count("evalsha") != 0 {
			t.Errorf("got %v after %d calls, want ErrUnavailable after none", err, server.count("evalsha"))
		}
	})
}

// TestScriptNotCached: Redis says that it does not know a script before it executes
// anything; only then the source is sent, once.
func TestScriptNotCached(t *testing.T) {
	t.Parallel()
	server := newFakeServer(t, func(_ *fakeServer, command []string) (string, bool) {
		if strings.EqualFold(command[0], "evalsha") {
			return "-NOSCRIPT No matching script. Please use EVAL.\r\n", true
		}
		return "*1\r\n$8\r\nRESERVED\r\n", true
	})
	outcome, err := reserveOnce(t, fakeClient(t, server.url()))
	if err != nil || outcome.Verdict != checkout.Reserved {
		t.Errorf("verdict %d, %v", outcome.Verdict, err)
	}
	if server.count("evalsha") != 1 || server.count("eval") != 1 {
		t.Errorf("evalsha %d times, eval %d times, want once each", server.count("evalsha"), server.count("eval"))
	}
}

// TestKnownDead: once Redis is known to be dead, nobody waits for it, and no request
// is spent on finding out whether it is back.
func TestKnownDead(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	mute := true
	server := newFakeServer(t, func(s *fakeServer, command []string) (string, bool) {
		mu.Lock()
		waits := mute
		mu.Unlock()
		if waits {
			<-s.closed
			return "", false
		}
		if strings.EqualFold(command[0], "ping") {
			return "+PONG\r\n", true
		}
		return "*1\r\n$8\r\nRESERVED\r\n", true
	})
	client := fakeClient(t, server.url())
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			if _, err := reserveOnce(t, client); err == nil {
				t.Error("reserved by a Redis that does not answer")
			}
		})
	}
	group.Wait()
	storetest.WantRefusedAtOnce(t, func() error {
		_, err := reserveOnce(t, client)
		return err
	})
	if n := server.count("evalsha"); n != 3 {
		t.Errorf("%d requests reached the dead Redis, want the 3 from before it was known", n)
	}
	mu.Lock()
	mute = false
	mu.Unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		if outcome, err := reserveOnce(t, client); err == nil && outcome.Verdict == checkout.Reserved {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Error("the breaker did not notice that Redis is back")
}

func TestOpenRejectsURL(t *testing.T) {
	t.Parallel()
	if _, err := redisstore.Open("not a url"); err == nil {
		t.Error("opened a URL that is none")
	}
}
