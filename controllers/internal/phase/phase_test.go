package phase_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/controllers/internal/phase"
)

func TestRun(t *testing.T) {
	t.Parallel()
	errBroken := errors.New("broken")
	after := func(name string, d time.Duration, err error) phase.Phase[*[]string] {
		return func(_ context.Context, ran *[]string) (phase.Result, error) {
			*ran = append(*ran, name)
			return phase.Result{RequeueAfter: d}, err
		}
	}
	cases := map[string]struct {
		phases     []phase.Phase[*[]string]
		wantRan    []string
		wantResult phase.Result
		wantErr    error
	}{
		"none": {},
		"the shortest wait counts": {
			phases:     []phase.Phase[*[]string]{after("a", 3, nil), after("b", 0, nil), after("c", 2, nil), after("d", 5, nil)},
			wantRan:    []string{"a", "b", "c", "d"},
			wantResult: phase.Result{RequeueAfter: 2},
		},
		"an error ends the run and its result": {
			phases:  []phase.Phase[*[]string]{after("a", 3, nil), after("b", 1, errBroken), after("c", 2, nil)},
			wantRan: []string{"a", "b"},
			wantErr: errBroken,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var ran []string
			result, err := phase.Run(t.Context(), &ran, tc.phases...)
			if !errors.Is(err, tc.wantErr) {
				t.Errorf("error %v, want %v", err, tc.wantErr)
			}
			if diff := cmp.Diff(tc.wantRan, ran); diff != "" {
				t.Errorf("phases that ran (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.wantResult, result); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
}

func TestKindsOfNotYet(t *testing.T) {
	t.Parallel()
	errTaken := errors.New("taken")
	stalled, isStalled := phase.AsStalled(errors.Join(phase.Stall("NameTaken", errTaken)))
	if !isStalled || stalled.Reason != "NameTaken" || !errors.Is(stalled, errTaken) {
		t.Errorf("stalled is %v, %v", stalled, isStalled)
	}
	waiting, isWaiting := phase.AsWaiting(phase.Wait("Terminating", "old child is going", time.Second))
	if !isWaiting || waiting.Reason != "Terminating" || waiting.After != time.Second {
		t.Errorf("waiting is %v, %v", waiting, isWaiting)
	}
	if _, found := phase.AsStalled(waiting); found {
		t.Error("waiting passes for stalled")
	}
}
