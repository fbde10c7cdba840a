package eventflow

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/tools/events"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
	"github.com/eventflow-dev/eventflow/controllers/internal/apply"
)

func TestTell(t *testing.T) {
	t.Parallel()
	created := func(names ...string) []apply.Change {
		var changes []apply.Change
		for _, name := range names {
			changes = append(changes, apply.Change{Verb: apply.Created, Kind: "Service", Name: name})
		}
		return changes
	}
	cases := map[string]struct {
		before *scope
		after  func(*scope)
		want   []string
	}{
		"nothing new": {before: makeScope(), after: func(*scope) {}},
		"many children": {
			before: makeScope(),
			after: func(s *scope) {
				s.changes = append(created("a", "b", "c", "d", "e"),
					apply.Change{Verb: apply.Changed, Kind: "Secret", Name: "f"},
					apply.Change{Verb: apply.Deleted, Kind: "Ingress", Name: "g"})
			},
			want: []string{
				"Normal Applied Created Service a, Service b, Service c and 2 more; Changed Secret f",
				"Normal Pruned Deleted Ingress g",
			},
		},
		"the sale stops": {
			before: makeScope(),
			after:  func(s *scope) { s.health.Accepting = false },
			want: []string{
				"Warning SalePaused Ready: The purchase API refuses purchases for now",
				"Normal NotSelling AcceptingAsync: No purchase is accepted",
			},
		},
		"the first look at a new box office": {
			after: func(s *scope) { *s = *newScope(s.eventFlow, noon) },
		},
		"the lease cannot be read": {
			before: makeScope(),
			after:  func(s *scope) { s.leaseErr = errors.New("not JSON") },
			want:   []string{"Warning InvalidLease Stalled: not JSON"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recorder := events.NewFakeRecorder(20)
			r := &Reconciler{Recorder: recorder}
			var before v1alpha1.EventFlowStatus
			if tc.before != nil {
				before = status(tc.before, nil)
			}
			s := makeScope()
			tc.after(s)
			s.eventFlow.Status = before
			s.eventFlow.Status = status(s, nil)
			r.tellChanges(t.Context(), s)
			r.tellConditions(s.eventFlow, before.Conditions)
			close(recorder.Events)
			var got []string
			for event := range recorder.Events {
				got = append(got, event)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}
