//go:build envtest

package eventflow_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
)

func TestOutageTakesStoreAwayUntilDeadline(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ef := w.ready(nil)
	until := now().Add(outage)
	w.lease(ef, v1alpha1.OutageLease{Component: v1alpha1.StorePostgres, Holder: "test/blackout/1", Until: until})
	w.eventually("PostgreSQL is scaled to zero", reaction, func() (string, bool) {
		n := w.replicas("boxoffice-postgres", &appsv1.StatefulSet{})
		return strconv.Itoa(int(n)), n == 0
	})
	w.eventually("the status says so", reaction,
		w.conditionIs(v1alpha1.ConditionDatabaseReady, metav1.ConditionFalse, v1alpha1.ReasonOutage))
	status := w.eventFlow().Status
	if !meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionReady) ||
		!meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionAcceptingAsync) ||
		status.Mode != v1alpha1.ModeAsync {
		t.Errorf("during the outage: mode %s, conditions %v", status.Mode, status.Conditions)
	}
	// A hand that scales it up does not end the outage.
	set := &appsv1.StatefulSet{}
	w.get("boxoffice-postgres", set)
	patch(w, set, func(set *appsv1.StatefulSet) { set.Spec.Replicas = ptr.To[int32](1) })
	w.eventually("it stays away", reaction, func() (string, bool) {
		n := w.replicas("boxoffice-postgres", &appsv1.StatefulSet{})
		return strconv.Itoa(int(n)), n == 0
	})
	if early := time.Until(until); early < 0 {
		t.Fatalf("the machine is too slow for this test: %v past the deadline", -early)
	}
	w.eventually("it is back after the deadline, with nobody taking the lease away", time.Until(until)+reaction, func() (string, bool) {
		n := w.replicas("boxoffice-postgres", &appsv1.StatefulSet{})
		return strconv.Itoa(int(n)), n == 1
	})
	if late := time.Since(until); late < 0 {
		t.Errorf("it came back %v before the deadline", -late)
	}
	w.eventually("purchases are confirmed at once again", 2*reaction, func() (string, bool) {
		mode := w.eventFlow().Status.Mode
		return string(mode), mode == v1alpha1.ModeNormal
	})
}

func (w world) lease(ef *v1alpha1.EventFlow, lease v1alpha1.OutageLease) {
	w.t.Helper()
	text, err := lease.Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	patch(w, ef, func(ef *v1alpha1.EventFlow) {
		ef.Annotations = map[string]string{v1alpha1.OutageAnnotation: text}
	})
}

func TestLeaseTakenAwayEndsOutage(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.lease(w.ready(nil), v1alpha1.OutageLease{
		Component: v1alpha1.StoreRedis, Holder: "test/blackout/1", Until: now().Add(time.Hour),
	})
	redis := func(want int32) func() (string, bool) {
		return func() (string, bool) {
			n := w.replicas("boxoffice-redis", &appsv1.StatefulSet{})
			return strconv.Itoa(int(n)), n == want
		}
	}
	w.eventually("Redis is scaled to zero", reaction, redis(0))
	patch(w, w.eventFlow(), func(ef *v1alpha1.EventFlow) { ef.Annotations = nil })
	w.eventually("Redis is back", reaction, redis(1))
}

func TestUnreadableLeaseIsNoOutage(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ef := w.ready(nil)
	patch(w, ef, func(ef *v1alpha1.EventFlow) {
		ef.Annotations = map[string]string{v1alpha1.OutageAnnotation: "tomorrow"}
	})
	w.eventually("the status says so", reaction,
		w.conditionIs(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonInvalidLease))
	if n := w.replicas("boxoffice-postgres", &appsv1.StatefulSet{}); n != 1 {
		t.Errorf("PostgreSQL has %d replicas", n)
	}
}

func TestSuspendLeavesChildrenAlone(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ef := w.ready(nil)
	w.lease(ef, v1alpha1.OutageLease{
		Component: v1alpha1.StorePostgres, Holder: "test/blackout/1", Until: now().Add(outage),
	})
	w.eventually("PostgreSQL is scaled to zero", reaction, func() (string, bool) {
		n := w.replicas("boxoffice-postgres", &appsv1.StatefulSet{})
		return strconv.Itoa(int(n)), n == 0
	})
	patch(w, w.eventFlow(), func(ef *v1alpha1.EventFlow) {
		ef.Spec.Suspend = true
		ef.Spec.Purchase.Replicas = 9
	})
	w.eventually("the status says so", reaction, func() (string, bool) {
		mode := w.eventFlow().Status.Mode
		return string(mode), mode == v1alpha1.ModeSuspended
	})
	redis := &appsv1.StatefulSet{}
	w.get("boxoffice-redis", redis)
	patch(w, redis, func(set *appsv1.StatefulSet) { set.Spec.Replicas = ptr.To[int32](0) })
	w.eventually("the outage ends by its deadline all the same", outage+reaction, func() (string, bool) {
		n := w.replicas("boxoffice-postgres", &appsv1.StatefulSet{})
		return strconv.Itoa(int(n)), n == 1
	})
	if n := w.replicas("boxoffice-purchase", &appsv1.Deployment{}); n != 3 {
		t.Errorf("%d purchase pods, want the 3 from before", n)
	}
	if n := w.replicas("boxoffice-redis", redis); n != 0 {
		t.Errorf("Redis has %d replicas, want the 0 from the hand", n)
	}
	patch(w, w.eventFlow(), func(ef *v1alpha1.EventFlow) { ef.Spec.Suspend = false })
	w.eventually("resumed", reaction, func() (string, bool) {
		purchase := w.replicas("boxoffice-purchase", &appsv1.Deployment{})
		redis := w.replicas("boxoffice-redis", &appsv1.StatefulSet{})
		return fmt.Sprint(purchase, redis), purchase == 9 && redis == 1
	})
}
