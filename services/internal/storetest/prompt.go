package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
)

// AtOnce is how long a refusal may take once it is known that a store is away.
const AtOnce = 50 * time.Millisecond

// WantRefusedAtOnce calls a store that is known to be away, many times. Each call must say
// that nothing happened, and nine of ten must do so at once: a busy machine holds up a few, and
// a wait for a store that does not answer would hold up all.
func WantRefusedAtOnce(t *testing.T, call func() error) {
	t.Helper()
	const calls = 50
	late := 0
	var slowest time.Duration
	for range calls {
		begun := time.Now() //nolint:forbidigo // the passing of real time is what is tested
		err := call()
		took := time.Since(begun)
		if !errors.Is(err, checkout.ErrUnavailable) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
		if took > AtOnce {
			late++
		}
		slowest = max(slowest, took)
	}
	if late > calls/10 {
		t.Errorf("%d of %d refusals took longer than %s, the slowest %s", late, calls, AtOnce, slowest)
	}
}
