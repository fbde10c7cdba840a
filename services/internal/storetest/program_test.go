package storetest

import (
	"context"
	"testing"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/internal/memory"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// forgetful is an arbiter with a mistake: it does not settle refusals.
type forgetful struct{ *memory.Arbiter }

func (f forgetful) Settle(ctx context.Context, settlements []fulfil.Settlement) error {
	for _, s := range settlements {
		if s.State == ticketing.StateRefused {
			continue
		}
		if err := f.Arbiter.Settle(ctx, []fulfil.Settlement{s}); err != nil {
			return err
		}
	}
	return nil
}

// TestProgramsFindAMistake: programs agree over twins of each other, tell a twin that is
// not one, and the shortest program that does so stocks, opens, reserves and refuses, no more.
func TestProgramsFindAMistake(t *testing.T) {
	t.Parallel()
	wrong := OpenTwin(t, ProgramOutbox)
	wrong.Ledger = forgetful{wrong.Pod.(*memory.Arbiter)}
	right := OpenTwin(t, ProgramOutbox)
	found := 0
	for seed := range uint64(50) {
		p := RandomProgram(seed)
		if difference := disagreement(t, p, OpenTwin(t, ProgramOutbox), right); difference != "" {
			t.Fatalf("two twins disagree over program %d: %s", seed, difference)
		}
		if disagreement(t, p, wrong, right) == "" {
			continue
		}
		found++
		shortest := shrink(p, func(p Program) bool { return disagreement(t, p, wrong, right) != "" })
		if steps := len(shortest.steps()); steps > 4 {
			t.Errorf("program %d is shrunk to %d steps only, want 4:\n%s", seed, steps, shortest)
		}
	}
	if found < 10 {
		t.Errorf("%d of 50 programs find the mistake, want at least 10", found)
	}
}
