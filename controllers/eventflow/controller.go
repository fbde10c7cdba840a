package eventflow

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
	"github.com/eventflow-dev/eventflow/controllers/internal/apply"
	"github.com/eventflow-dev/eventflow/controllers/internal/phase"
	"github.com/eventflow-dev/eventflow/controllers/internal/statuspatch"
	"github.com/eventflow-dev/eventflow/controllers/manifests"
)

// How soon a run follows on its own. Children wake the reconciler when they change;
// only what the purchase API says has to be asked for.
const (
	pollSettled   = 10 * time.Second
	pollUnsettled = 2 * time.Second
	conflictRetry = 100 * time.Millisecond
)

// Reconciler brings EventFlows to their spec.
type Reconciler struct {
	// Client reads from the cache and writes.
	Client client.Client
	// Live reads from the API server.
	Live client.Reader
	// Recorder takes events about EventFlows.
	Recorder events.EventRecorder
	// Clock says what time it is.
	Clock func() time.Time
	// Prober asks purchase APIs how they are.
	Prober Prober
	// Images are used where an EventFlow names none.
	Images manifests.Images
}

// +kubebuilder:rbac:groups=eventflow.dev,resources=eventflows,verbs=get;list;watch
// +kubebuilder:rbac:groups=eventflow.dev,resources=eventflows/status,verbs=patch
// +kubebuilder:rbac:groups=eventflow.dev,resources=eventflows/finalizers,verbs=update
// +kubebuilder:rbac:groups=apps,resources=deployments;statefulsets,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=services;serviceaccounts;configmaps;secrets,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=networking.k8s.io,resources=ingresses,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=policy,resources=poddisruptionbudgets,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// phases are the steps of a run, in order.
func (r *Reconciler) phases(ef *v1alpha1.EventFlow) []phase.Phase[*scope] {
	if ef.Spec.Suspend {
		return []phase.Phase[*scope]{r.observe, r.giveBack}
	}
	return []phase.Phase[*scope]{
		r.observe,
		r.validate,
		r.reconcileSecrets,
		r.reconcileInfrastructure,
		r.reconcileWorkloads,
		r.reconcileExposure,
		r.prune,
	}
}

// Reconcile runs the phases and then writes the status, whatever came of them.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	ef := &v1alpha1.EventFlow{}
	if err := r.Client.Get(ctx, req.NamespacedName, ef); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !ef.DeletionTimestamp.IsZero() {
		// The children go with their owner.
		return ctrl.Result{}, nil
	}
	s := newScope(ef, r.Clock())
	patcher := statuspatch.New(r.Client, ef)
	result, runErr := phase.Run(ctx, s, r.phases(ef)...)
	return r.finish(ctx, s, outcome{result: result, err: runErr, patcher: patcher})
}

// outcome is what came of the phases.
type outcome struct {
	result  phase.Result
	err     error
	patcher *statuspatch.Patcher
}

// finish writes the status, tells what has changed, and decides when to look again.
// Nothing else writes the status.
func (r *Reconciler) finish(ctx context.Context, s *scope, o outcome) (ctrl.Result, error) {
	r.tellChanges(ctx, s)
	before := s.eventFlow.Status.DeepCopy()
	s.eventFlow.Status = status(s, o.err)
	err := o.patcher.Patch(ctx, s.eventFlow)
	if apierrors.IsConflict(err) && o.err == nil {
		// The cache lags behind the last write: no failure, look again.
		return ctrl.Result{RequeueAfter: conflictRetry}, nil
	}
	if err != nil {
		return ctrl.Result{}, errors.Join(o.err, err)
	}
	r.tellConditions(s.eventFlow, before.Conditions)
	next := o.result.Or(phase.Result{RequeueAfter: pollInterval(s.eventFlow)})
	if waiting, isWaiting := phase.AsWaiting(o.err); isWaiting {
		return ctrl.Result{RequeueAfter: waiting.After}, nil
	}
	if stalled, isStalled := phase.AsStalled(o.err); isStalled {
		// What a person does about it may wake nobody, so it is looked at again.
		log.FromContext(ctx).Info("Stalled", "reason", stalled.Reason, "error", stalled.Err.Error())
		return ctrl.Result{RequeueAfter: pollSettled}, nil
	}
	if o.err != nil {
		return ctrl.Result{}, o.err
	}
	return ctrl.Result{RequeueAfter: next.RequeueAfter}, nil
}

// applier writes the children of the scope's EventFlow.
func (r *Reconciler) applier(s *scope) *apply.Applier {
	return &apply.Applier{
		Client: r.Client,
		Live:   r.Live,
		Owner:  s.eventFlow,
		Labels: manifests.InstanceLabels(s.eventFlow),
	}
}
