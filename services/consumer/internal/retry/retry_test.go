package retry_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/eventflow-dev/eventflow/services/consumer/internal/retry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBackoffDelay(t *testing.T) {
	t.Parallel()
	const base, limit = 100 * time.Millisecond, 2 * time.Second
	cases := map[string]struct {
		failures int
		want     time.Duration
	}{
		"nothing failed":            {failures: 0, want: 0},
		"first failure":             {failures: 1, want: base},
		"third failure":             {failures: 3, want: 4 * base},
		"at the cap":                {failures: 6, want: limit},
		"far beyond any shift":      {failures: 200, want: limit},
		"one below the cap doubled": {failures: 5, want: 16 * base},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := retry.Backoff{Base: base, Cap: limit}
			for range tc.failures {
				b.Failed()
			}
			var longest time.Duration
			for range 2000 {
				longest = max(longest, b.Delay())
			}
			if longest > tc.want || longest < tc.want*9/10 {
				t.Errorf("longest of 2000 delays is %s, want just under %s", longest, tc.want)
			}
		})
	}
}

func TestBackoffReset(t *testing.T) {
	t.Parallel()
	b := retry.Backoff{Base: time.Second, Cap: time.Second}
	b.Failed()
	if !b.Failing() {
		t.Error("Failing is false after a failure")
	}
	b.Reset()
	if b.Failing() || b.Delay() != 0 {
		t.Errorf("after Reset: failing %v, delay %s", b.Failing(), b.Delay())
	}
}

func TestSleepEndsWithContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if retry.Sleep(ctx, time.Hour) {
			t.Error("Sleep reports a living context")
		}
		if waited := time.Since(began); waited != time.Second {
			t.Errorf("Sleep took %s, want the context's second", waited)
		}
		if retry.Sleep(ctx, 0) {
			t.Error("Sleep(0) reports a living context")
		}
	})
}

func TestOutlive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		parent, end := context.WithCancel(t.Context())
		ctx, cancel := retry.Outlive(parent, 5*time.Second)
		defer cancel()
		end()
		time.Sleep(5*time.Second - time.Nanosecond)
		synctest.Wait()
		if ctx.Err() != nil {
			t.Error("ended before the grace was over")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if ctx.Err() == nil {
			t.Error("lives on after the grace")
		}
	})
}
