//go:build envtest

package chaos_test

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
	"github.com/eventflow-dev/eventflow/controllers/chaos"
)

// newNamespace makes a namespace of the test's own.
func newNamespace(t *testing.T) string {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "chaos-"}}
	if err := direct.Create(t.Context(), ns); err != nil {
		t.Fatalf("create namespace: %v", err)
	}
	return ns.Name
}

// stage is a namespace with a box office whose PostgreSQL runs, and a clock. The test
// plays the EventFlow controller and the StatefulSet controller; see play.
type stage struct {
	namespace string
	now       time.Time
	events    chan string
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{namespace: newNamespace(t), now: time.Date(2027, 1, 1, 12, 0, 0, 0, time.UTC), events: make(chan string, 100)}
	s.createBoxOffice(t)
	return s
}

func (s *stage) createBoxOffice(t *testing.T) {
	t.Helper()
	ef := &v1alpha1.EventFlow{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "boxoffice"}}
	if err := direct.Create(t.Context(), ef); err != nil {
		t.Fatalf("create EventFlow: %v", err)
	}
	claim := corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "data-boxoffice-postgres-0"},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		},
	}
	if err := direct.Create(t.Context(), claim.DeepCopy()); err != nil {
		t.Fatalf("create claim: %v", err)
	}
	claim.ObjectMeta = metav1.ObjectMeta{Name: "data"}
	labels := map[string]string{"app": "postgres"}
	set := &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: "boxoffice-postgres"},
		Spec: appsv1.StatefulSetSpec{
			Replicas:             ptr.To[int32](1),
			Selector:             &metav1.LabelSelector{MatchLabels: labels},
			VolumeClaimTemplates: []corev1.PersistentVolumeClaim{claim},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "postgres", Image: "postgres"}}},
			},
		},
	}
	if err := ctrl.SetControllerReference(ef, set, scheme); err != nil {
		t.Fatalf("own StatefulSet: %v", err)
	}
	if err := direct.Create(t.Context(), set); err != nil {
		t.Fatalf("create StatefulSet: %v", err)
	}
	s.play(t)
}

// createChaos creates an outage of PostgreSQL for one minute.
func (s *stage) createChaos(t *testing.T, name string, options ...func(*v1alpha1.ChaosSpec)) {
	t.Helper()
	c := &v1alpha1.Chaos{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: name},
		Spec: v1alpha1.ChaosSpec{
			EventFlowRef: v1alpha1.EventFlowReference{Name: "boxoffice"},
			Duration:     metav1.Duration{Duration: time.Minute},
		},
	}
	for _, option := range options {
		option(&c.Spec)
	}
	if err := direct.Create(t.Context(), c); err != nil {
		t.Fatalf("create Chaos: %v", err)
	}
}

// reconcile runs the Chaos controller once, in a process that was started for it.
func (s *stage) reconcile(t *testing.T, name string) ctrl.Result {
	t.Helper()
	result, err := s.reconcileWith(t, direct, name)
	if err != nil {
		t.Fatalf("reconcile: %v", err)
	}
	return result
}

func (s *stage) reconcileWith(t *testing.T, c client.Client, name string) (ctrl.Result, error) {
	t.Helper()
	r := &chaos.Reconciler{
		Client:   c,
		Live:     direct,
		Recorder: &events.FakeRecorder{Events: s.events},
		Clock:    func() time.Time { return s.now },
	}
	return r.Reconcile(t.Context(), ctrl.Request{NamespacedName: s.key(name)})
}

// play does at once what the EventFlow controller, the StatefulSet controller and the
// kubelet would do by and by.
func (s *stage) play(t *testing.T) {
	t.Helper()
	ef := s.eventFlow(t)
	if ef == nil {
		return
	}
	lease, err := ef.Outage()
	if err != nil {
		t.Fatalf("read lease: %v", err)
	}
	wanted := int32(1)
	if lease.ActiveFor(v1alpha1.StorePostgres, s.now) {
		wanted = 0
	}
	if set := s.statefulSet(t); *set.Spec.Replicas != wanted {
		set.Spec.Replicas = &wanted
		if err := direct.Update(t.Context(), set); err != nil {
			t.Fatalf("scale StatefulSet: %v", err)
		}
	}
	s.setPods(t, wanted, wanted)
}

// setPods is what the StatefulSet controller reports.
func (s *stage) setPods(t *testing.T, pods, ready int32) {
	t.Helper()
	set := s.statefulSet(t)
	set.Status.ObservedGeneration = set.Generation
	set.Status.Replicas, set.Status.ReadyReplicas = pods, ready
	if err := direct.Status().Update(t.Context(), set); err != nil {
		t.Fatalf("report pods: %v", err)
	}
}

// run lets the experiment go on, and time pass, until the Chaos is over or gone.
func (s *stage) run(t *testing.T, name string) {
	t.Helper()
	for range 30 {
		c := s.chaos(t, name)
		if c == nil || (c.Status.RecoveredAt != nil && len(c.Finalizers) == 0) {
			return
		}
		result := s.reconcile(t, name)
		s.play(t)
		s.now = s.now.Add(result.RequeueAfter)
	}
	t.Fatalf("did not end: %+v", s.chaos(t, name).Status)
}

func (s *stage) key(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: s.namespace, Name: name}
}

// chaos returns nil once the object is gone.
func (s *stage) chaos(t *testing.T, name string) *v1alpha1.Chaos {
	t.Helper()
	c := &v1alpha1.Chaos{}
	if !exists(t, direct.Get(t.Context(), s.key(name), c)) {
		return nil
	}
	return c
}

func (s *stage) eventFlow(t *testing.T) *v1alpha1.EventFlow {
	t.Helper()
	ef := &v1alpha1.EventFlow{}
	if !exists(t, direct.Get(t.Context(), s.key("boxoffice"), ef)) {
		return nil
	}
	return ef
}

func (s *stage) statefulSet(t *testing.T) *appsv1.StatefulSet {
	t.Helper()
	set := &appsv1.StatefulSet{}
	if !exists(t, direct.Get(t.Context(), s.key("boxoffice-postgres"), set)) {
		t.Fatal("StatefulSet is gone")
	}
	return set
}

// lease returns nil where the EventFlow has none.
func (s *stage) lease(t *testing.T) *v1alpha1.OutageLease {
	t.Helper()
	lease, err := s.eventFlow(t).Outage()
	if err != nil {
		t.Fatalf("read lease: %v", err)
	}
	return lease
}

func (s *stage) delete(t *testing.T, object client.Object) {
	t.Helper()
	exists(t, direct.Delete(t.Context(), object))
}

func exists(t *testing.T, err error) bool {
	t.Helper()
	if err != nil && !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
	return err == nil
}

// state is the part of a status that tells where an experiment is.
type state struct {
	Phase               v1alpha1.ChaosPhase
	Injected, Recovered string
	Progress            string
}

// stateOf returns conditions as "status reason".
func stateOf(c *v1alpha1.Chaos) state {
	text := func(kind string) string {
		condition := meta.FindStatusCondition(c.Status.Conditions, kind)
		if condition == nil {
			return ""
		}
		return string(condition.Status) + " " + condition.Reason
	}
	got := state{Phase: c.Status.Phase, Injected: text(v1alpha1.ConditionInjected), Recovered: text(v1alpha1.ConditionRecovered)}
	for _, kind := range []string{v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled} {
		if text(kind) != "" {
			got.Progress += kind
		}
	}
	return got
}
