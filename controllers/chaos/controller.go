package chaos

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
)

// conflictRetry is when to look again after a write that was based on an old view.
const conflictRetry = 200 * time.Millisecond

// Reconciler carries experiments out, one step in a run.
type Reconciler struct {
	// Client reads from the manager's cache and writes to the API server.
	Client client.Client
	// Live reads from the API server. SetupWithManager fills it in where it is nil.
	Live client.Reader
	// Recorder emits an event for each condition that changed.
	Recorder events.EventRecorder
	// Clock tells the time.
	Clock func() time.Time
}

// +kubebuilder:rbac:groups=eventflow.dev,resources=chaoses,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=eventflow.dev,resources=chaoses/status,verbs=patch
// +kubebuilder:rbac:groups=eventflow.dev,resources=eventflows,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=apps,resources=statefulsets,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=persistentvolumeclaims,verbs=get
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Reconcile takes the next step of an experiment.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (result ctrl.Result, err error) {
	c := &v1alpha1.Chaos{}
	if err := r.Client.Get(ctx, req.NamespacedName, c); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	s := newScope(c, r.Clock())
	defer func() {
		err = errors.Join(err, r.finish(ctx, s, err))
		if apierrors.IsConflict(err) {
			// Somebody was faster than our view of the object: no failure, look again.
			result, err = ctrl.Result{RequeueAfter: conflictRetry}, nil
		}
		if err != nil {
			result = ctrl.Result{}
		}
	}()

	if needsFinalizer(c) {
		// Persisted on its own, before anything that it protects is touched.
		if err := r.addFinalizer(ctx, c); err != nil {
			return ctrl.Result{}, err
		}
	}
	if c.Status.RecoveredAt == nil {
		s.world, err = r.observe(ctx, c)
		if err != nil {
			return ctrl.Result{}, err
		}
	}
	s.action = decide(s.now, c, s.world)
	if err := r.act(ctx, s); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: s.action.after}, nil
}
