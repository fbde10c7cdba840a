//go:build envtest

package eventflow_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
	"github.com/eventflow-dev/eventflow/controllers/eventflow"
	"github.com/eventflow-dev/eventflow/controllers/manifests"
)

// The API server, and what stands beside it. There is no kubelet and no garbage
// collector: the tests say when pods are ready.
var (
	api    client.Client
	office = &fakeProber{health: map[string]eventflow.Health{}, asked: map[string]int{}}
	writes = &writeLog{byNamespace: map[string][]string{}}
)

func TestMain(m *testing.M) {
	code, err := runSuite(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

func runSuite(m *testing.M) (int, error) {
	ctrl.SetLogger(logr.Discard())
	environment := &envtest.Environment{
		CRDDirectoryPaths:     []string{"../../config/crd/bases"},
		ErrorIfCRDPathMissing: true,
	}
	config, err := environment.Start()
	if err != nil {
		return 0, fmt.Errorf("start API server: %w", err)
	}
	defer func() { _ = environment.Stop() }()
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	mgr, err := newManager(config)
	if err != nil {
		cancel()
		return 0, err
	}
	go func() { stopped <- mgr.Start(ctx) }()
	code := m.Run()
	cancel()
	return code, <-stopped
}

func newManager(config *rest.Config) (ctrl.Manager, error) {
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return nil, err
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	var err error
	if api, err = client.New(config, client.Options{Scheme: scheme}); err != nil {
		return nil, err
	}
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme: scheme,
		Cache: cache.Options{
			ByObject:         eventflow.CacheByObject(),
			DefaultTransform: cache.TransformStripManagedFields(),
		},
		Metrics:   metricsserver.Options{BindAddress: "0"},
		NewClient: writes.newClient,
	})
	if err != nil {
		return nil, err
	}
	return mgr, (&eventflow.Reconciler{
		Client:   mgr.GetClient(),
		Live:     mgr.GetAPIReader(),
		Recorder: mgr.GetEventRecorder("eventflow-operator"),
		Clock:    now,
		Prober:   office,
		Images:   manifests.Images{Service: "eventflow:test", Postgres: "postgres:17", Redis: "redis:8", RabbitMQ: "rabbitmq:4"},
	}).SetupWithManager(mgr)
}

// now is the clock of the API server.
func now() time.Time {
	return time.Now()
}

// fakeProber answers for the purchase APIs, by namespace.
type fakeProber struct {
	mu     sync.Mutex
	health map[string]eventflow.Health
	asked  map[string]int
}

func (p *fakeProber) Probe(_ context.Context, url string) (eventflow.Health, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	namespace := strings.Split(url, ".")[1]
	p.asked[namespace]++
	return p.health[namespace], nil
}

func (p *fakeProber) say(namespace string, health eventflow.Health) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.health[namespace] = health
}

func (p *fakeProber) count(namespace string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[namespace]
}

// writeLog notes every write that the operator asks for.
type writeLog struct {
	mu          sync.Mutex
	byNamespace map[string][]string
}

func (l *writeLog) note(verb, namespace string, object any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.byNamespace[namespace] = append(l.byNamespace[namespace], fmt.Sprintf("%s %T", verb, object))
}

func (l *writeLog) of(namespace string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.byNamespace[namespace]...)
}

func (l *writeLog) newClient(config *rest.Config, options client.Options) (client.Client, error) {
	direct, err := client.NewWithWatch(config, options)
	if err != nil {
		return nil, err
	}
	return interceptor.NewClient(direct, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			l.note("create", o.GetNamespace(), o)
			return c.Create(ctx, o, opts...)
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			l.note("delete", o.GetNamespace(), o)
			return c.Delete(ctx, o, opts...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			l.note("patch", o.GetNamespace(), o)
			return c.Patch(ctx, o, p, opts...)
		},
		Apply: func(ctx context.Context, c client.WithWatch, o runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			child := o.(interface {
				GetNamespace() string
				GetKind() string
				GetName() string
			})
			l.note("apply "+child.GetKind()+" "+child.GetName(), child.GetNamespace(), o)
			return c.Apply(ctx, o, opts...)
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			l.note("patch "+sub, o.GetNamespace(), o)
			return c.SubResource(sub).Patch(ctx, o, p, opts...)
		},
	}), nil
}

// world is a namespace with one EventFlow.
type world struct {
	t         *testing.T
	namespace string
}

// setup makes a namespace; the EventFlow's purchase API accepts purchases.
func setup(t *testing.T) world {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	if err := api.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	office.say(namespace.Name, eventflow.Health{Accepting: true, Mode: "NORMAL"})
	return world{t: t, namespace: namespace.Name}
}

func (w world) create(change func(*v1alpha1.EventFlow)) *v1alpha1.EventFlow {
	w.t.Helper()
	ef := &v1alpha1.EventFlow{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "boxoffice"}}
	if change != nil {
		change(ef)
	}
	if err := api.Create(w.t.Context(), ef); err != nil {
		w.t.Fatal(err)
	}
	return ef
}

// get fills in the object of that name and says whether it exists.
func (w world) get(name string, into client.Object) bool {
	w.t.Helper()
	err := api.Get(w.t.Context(), client.ObjectKey{Namespace: w.namespace, Name: name}, into)
	if client.IgnoreNotFound(err) != nil {
		w.t.Fatal(err)
	}
	return err == nil
}

func (w world) eventFlow() *v1alpha1.EventFlow {
	w.t.Helper()
	ef := &v1alpha1.EventFlow{}
	w.get("boxoffice", ef)
	return ef
}

// patch changes an object as a user would.
func patch[O client.Object](w world, object O, change func(O)) {
	w.t.Helper()
	before := object.DeepCopyObject().(client.Object)
	change(object)
	if err := api.Patch(w.t.Context(), object, client.MergeFrom(before)); err != nil {
		w.t.Fatal(err)
	}
}

// eventually plays kubelet until the condition holds, and fails the test with what the
// condition said last.
func (w world) eventually(what string, within time.Duration, condition func() (string, bool)) {
	w.t.Helper()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		w.settle()
		state, holds := condition()
		if holds {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			w.t.Fatalf("%s: not within %v: %s", what, within, state)
		}
	}
}

// settle makes every wanted pod ready, and every other one gone.
func (w world) settle() {
	w.t.Helper()
	var deployments appsv1.DeploymentList
	var sets appsv1.StatefulSetList
	for _, list := range []client.ObjectList{&deployments, &sets} {
		if err := api.List(w.t.Context(), list, client.InNamespace(w.namespace)); err != nil {
			w.t.Fatal(err)
		}
	}
	for i := range deployments.Items {
		d := &deployments.Items[i]
		n := ptr.Deref(d.Spec.Replicas, 1)
		if d.Status.ObservedGeneration == d.Generation && d.Status.ReadyReplicas == n {
			continue
		}
		d.Status = appsv1.DeploymentStatus{
			ObservedGeneration: d.Generation, Replicas: n, ReadyReplicas: n, UpdatedReplicas: n, AvailableReplicas: n,
		}
		w.writeStatus(d)
	}
	for i := range sets.Items {
		s := &sets.Items[i]
		n := ptr.Deref(s.Spec.Replicas, 1)
		if s.Status.ObservedGeneration == s.Generation && s.Status.ReadyReplicas == n {
			continue
		}
		s.Status = appsv1.StatefulSetStatus{
			ObservedGeneration: s.Generation, Replicas: n, ReadyReplicas: n, UpdatedReplicas: n, AvailableReplicas: n,
		}
		w.writeStatus(s)
	}
}

// writeStatus may lose against the operator; the next turn sees to it.
func (w world) writeStatus(object client.Object) {
	w.t.Helper()
	if err := api.Status().Update(w.t.Context(), object); client.IgnoreNotFound(err) != nil && !apierrors.IsConflict(err) {
		w.t.Fatal(err)
	}
}
