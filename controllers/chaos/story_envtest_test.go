//go:build envtest

package chaos_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
)

// TestExperiment follows one experiment from beginning to end. Every step runs in a
// controller that was started for it, so it rests on nothing but what is stored.
func TestExperiment(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.createChaos(t, "outage")
	check := func(step string, want state) {
		t.Helper()
		if diff := cmp.Diff(want, stateOf(s.chaos(t, "outage"))); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", step, diff)
		}
	}

	s.reconcile(t, "outage")
	check("recorded", state{v1alpha1.ChaosInjecting, "False Starting", "False Starting", "Reconciling"})
	checkRecord(t, s)

	s.reconcile(t, "outage")
	checkLease(t, s)

	s.now = s.now.Add(3 * time.Second)
	s.reconcile(t, "outage")
	check("stopping", state{v1alpha1.ChaosInjecting, "False Stopping", "False Stopping", "Reconciling"})
	s.play(t)
	s.reconcile(t, "outage")
	check("away", state{v1alpha1.ChaosInjected, "True ScaledToZero", "False ScaledToZero", "Reconciling"})
	if result := s.reconcile(t, "outage"); result.RequeueAfter != time.Minute {
		t.Errorf("looks again after %s, want the duration", result.RequeueAfter)
	}

	s.now = s.now.Add(time.Minute)
	s.reconcile(t, "outage")
	check("over", state{v1alpha1.ChaosRecovering, "True ScaledToZero", "False DurationOver", "Reconciling"})
	s.reconcile(t, "outage")
	if s.lease(t) != nil {
		t.Fatal("lease was not taken back")
	}
	s.play(t)
	s.setPods(t, 1, 0)
	s.now = s.now.Add(4500 * time.Millisecond)
	s.reconcile(t, "outage")
	check("starting", state{v1alpha1.ChaosRecovering, "True ScaledToZero", "False Returning", "Reconciling"})
	s.setPods(t, 1, 1)
	s.reconcile(t, "outage")
	s.reconcile(t, "outage")
	check("back", state{v1alpha1.ChaosRecovered, "True ScaledToZero", "True Returned", ""})
	c := s.chaos(t, "outage")
	if len(c.Finalizers) != 0 {
		t.Errorf("finalizers %v are left", c.Finalizers)
	}
	if c.Status.Measured == nil || c.Status.Measured.RecoverySeconds != 5 {
		t.Errorf("measured %+v, want 4.5 seconds rounded up", c.Status.Measured)
	}
	checkEvents(t, s, "Normal Starting", "Normal Stopping", "Normal ScaledToZero", "Normal DurationOver", "Normal Returning", "Normal Returned")

	before := s.chaos(t, "outage").ResourceVersion
	s.reconcile(t, "outage")
	if after := s.chaos(t, "outage").ResourceVersion; after != before {
		t.Error("an experiment that is over was written to")
	}
}

// checkRecord checks what is recorded before anything is touched.
func checkRecord(t *testing.T, s *stage) {
	t.Helper()
	c := s.chaos(t, "outage")
	set := s.statefulSet(t)
	if c.Status.Original == nil || c.Status.Original.Replicas != 1 || c.Status.Original.StatefulSetUID != set.UID || c.Status.Original.PVCUID == "" {
		t.Fatalf("original is %+v", c.Status.Original)
	}
	if len(c.Finalizers) != 1 || s.lease(t) != nil {
		t.Fatalf("finalizers %v, lease %+v: want the record before the lease", c.Finalizers, s.lease(t))
	}
	if got := c.Status.Deadline.Sub(c.Status.StartedAt.Time); got != 2*time.Minute {
		t.Errorf("deadline is %s after the start, want duration plus a minute", got)
	}
}

// checkLease checks what is asked for.
func checkLease(t *testing.T, s *stage) {
	t.Helper()
	c, lease := s.chaos(t, "outage"), s.lease(t)
	if lease == nil || lease.Component != v1alpha1.StorePostgres || !lease.Until.Equal(c.Status.Deadline.Time) {
		t.Fatalf("lease is %+v", lease)
	}
	if want := s.namespace + "/outage/" + string(c.UID); lease.Holder != want {
		t.Errorf("holder is %q, want %q", lease.Holder, want)
	}
}

// checkEvents compares the beginnings of the events so far.
func checkEvents(t *testing.T, s *stage, want ...string) {
	t.Helper()
	var got []string
	for len(s.events) > 0 {
		event := <-s.events
		n := len(got)
		if n < len(want) && len(event) >= len(want[n]) {
			event = event[:len(want[n])]
		}
		got = append(got, event)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// TestObstacles checks what an experiment waits for, and that it touches nothing
// meanwhile and goes on by itself.
func TestObstacles(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		raise, clear func(t *testing.T, s *stage)
		want         state
	}{
		"no EventFlow": {
			raise: func(t *testing.T, s *stage) {
				t.Helper()
				s.delete(t, s.eventFlow(t))
			},
			clear: func(t *testing.T, s *stage) {
				t.Helper()
				ef := &v1alpha1.EventFlow{}
				ef.Namespace, ef.Name = s.namespace, "boxoffice"
				if err := direct.Create(t.Context(), ef); err != nil {
					t.Fatal(err)
				}
			},
			want: state{v1alpha1.ChaosStalled, "False EventFlowNotFound", "False EventFlowNotFound", "Stalled"},
		},
		"suspended": {
			raise: func(t *testing.T, s *stage) {
				t.Helper()
				s.suspend(t, true)
			},
			clear: func(t *testing.T, s *stage) {
				t.Helper()
				s.suspend(t, false)
			},
			want: state{v1alpha1.ChaosStalled, "False EventFlowSuspended", "False EventFlowSuspended", "Stalled"},
		},
		"not ready": {
			raise: func(t *testing.T, s *stage) {
				t.Helper()
				s.setPods(t, 1, 0)
			},
			clear: func(t *testing.T, s *stage) {
				t.Helper()
				s.setPods(t, 1, 1)
			},
			want: state{v1alpha1.ChaosPending, "False ComponentNotReady", "False ComponentNotReady", "Reconciling"},
		},
		"lease that cannot be read": {
			raise: func(t *testing.T, s *stage) {
				t.Helper()
				s.annotate(t, "gone fishing")
			},
			clear: func(t *testing.T, s *stage) {
				t.Helper()
				s.annotate(t, "")
			},
			want: state{v1alpha1.ChaosStalled, "False InvalidLease", "False InvalidLease", "Stalled"},
		},
		"lease of somebody else": {
			raise: func(t *testing.T, s *stage) {
				t.Helper()
				s.annotate(t, `{"component":"redis","holder":"by/hand","until":"2027-01-01T12:10:00Z"}`)
			},
			clear: func(_ *testing.T, s *stage) { s.now = s.now.Add(10 * time.Minute) },
			want:  state{v1alpha1.ChaosPending, "False OutageTaken", "False OutageTaken", "Reconciling"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.createChaos(t, "outage")
			tc.raise(t, s)
			s.reconcile(t, "outage")
			s.reconcile(t, "outage")
			c := s.chaos(t, "outage")
			if diff := cmp.Diff(tc.want, stateOf(c)); diff != "" {
				t.Errorf("state (-want +got):\n%s", diff)
			}
			if c.Status.StartedAt != nil || c.Status.Original != nil {
				t.Errorf("has begun: %+v", c.Status)
			}
			tc.clear(t, s)
			s.run(t, "outage")
			if got := s.chaos(t, "outage").Status.Phase; got != v1alpha1.ChaosRecovered {
				t.Errorf("ended %s, want Recovered", got)
			}
		})
	}
}

func (s *stage) suspend(t *testing.T, isSuspended bool) {
	t.Helper()
	ef := s.eventFlow(t)
	ef.Spec.Suspend = isSuspended
	if err := direct.Update(t.Context(), ef); err != nil {
		t.Fatal(err)
	}
}

// annotate writes the lease annotation by hand; an empty text removes it.
func (s *stage) annotate(t *testing.T, text string) {
	t.Helper()
	ef := s.eventFlow(t)
	ef.Annotations = map[string]string{v1alpha1.OutageAnnotation: text}
	if text == "" {
		ef.Annotations = nil
	}
	if err := direct.Update(t.Context(), ef); err != nil {
		t.Fatal(err)
	}
}

func TestDryRunTouchesNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.createChaos(t, "outage", func(spec *v1alpha1.ChaosSpec) { spec.DryRun = true })
	before := s.eventFlow(t).ResourceVersion
	for range 3 {
		s.reconcile(t, "outage")
	}
	c := s.chaos(t, "outage")
	want := state{v1alpha1.ChaosDryRun, "False DryRun", "False DryRun", ""}
	if diff := cmp.Diff(want, stateOf(c)); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	const message = "Would scale postgres of EventFlow boxoffice from 1 to 0 for 1m0s, and give it back 2m0s after the start at the latest"
	if got := c.Status.Conditions[0].Message; got != message {
		t.Errorf("says %q, want %q", got, message)
	}
	if len(c.Finalizers) != 0 || s.eventFlow(t).ResourceVersion != before {
		t.Errorf("something was touched: finalizers %v", c.Finalizers)
	}
}

// TestTwoExperiments runs two at once on one EventFlow: the second waits for the first
// one's component to be back, and then has its own outage.
func TestTwoExperiments(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.createChaos(t, "first")
	s.createChaos(t, "second", func(spec *v1alpha1.ChaosSpec) { spec.Fault.Component = v1alpha1.StorePostgres })
	s.reconcile(t, "first")
	for range 20 {
		s.reconcile(t, "second")
		if c := s.chaos(t, "second"); c.Status.StartedAt != nil {
			t.Fatalf("second began while first was %s", s.chaos(t, "first").Status.Phase)
		}
		result := s.reconcile(t, "first")
		s.play(t)
		s.now = s.now.Add(result.RequeueAfter)
		if s.chaos(t, "first").Status.RecoveredAt != nil {
			break
		}
	}
	s.run(t, "second")
	for _, name := range []string{"first", "second"} {
		if got := s.chaos(t, name).Status.Phase; got != v1alpha1.ChaosRecovered {
			t.Errorf("%s ended %s, want Recovered", name, got)
		}
	}
	if first, second := s.chaos(t, "first").Status, s.chaos(t, "second").Status; second.StartedAt.Before(first.RecoveredAt) {
		t.Errorf("second began at %s, before first was back at %s", second.StartedAt, first.RecoveredAt)
	}
}

// TestTwoExperimentsAtOnce lets both record before either asks: one gets the lease, the
// other takes its record back and begins anew afterwards.
func TestTwoExperimentsAtOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.createChaos(t, "first")
	s.reconcile(t, "first")
	record := s.chaos(t, "first").Status
	s.createChaos(t, "second")
	second := s.chaos(t, "second")
	second.Status = record
	second.Finalizers = []string{v1alpha1.ChaosFinalizer}
	if err := direct.Status().Update(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	s.reconcile(t, "second")
	if s.lease(t) == nil {
		t.Fatal("second did not get the lease")
	}
	s.reconcile(t, "first")
	c := s.chaos(t, "first")
	if c.Status.StartedAt != nil || c.Status.Phase != v1alpha1.ChaosPending {
		t.Errorf("first goes on: %+v", c.Status)
	}
	s.run(t, "second")
	s.run(t, "first")
	if got := s.chaos(t, "first").Status.Phase; got != v1alpha1.ChaosRecovered {
		t.Errorf("first ended %s, want Recovered", got)
	}
}
