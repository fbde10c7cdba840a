package eventflow

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
	"github.com/eventflow-dev/eventflow/controllers/internal/phase"
	"github.com/eventflow-dev/eventflow/controllers/manifests"
)

// status says what the scope has seen and what came of the run. It is pure: the same
// scope and error give the same status.
func status(s *scope, runErr error) v1alpha1.EventFlowStatus {
	was := s.eventFlow.Status.DeepCopy()
	is := v1alpha1.EventFlowStatus{
		Conditions:         was.Conditions,
		ObservedGeneration: s.eventFlow.Generation,
		Endpoint:           manifests.Endpoint(s.eventFlow),
		Mode:               mode(s),
		PurchaseReplicas:   purchaseReplicas(s),
	}
	conditions := []metav1.Condition{
		readyCondition(s),
		storeCondition(s, v1alpha1.ConditionDatabaseReady, v1alpha1.StorePostgres),
		storeCondition(s, v1alpha1.ConditionCacheReady, v1alpha1.StoreRedis),
		storeCondition(s, v1alpha1.ConditionBrokerReady, v1alpha1.StoreRabbitMQ),
		deploymentCondition(s, v1alpha1.ConditionPurchaseReady, manifests.ComponentPurchase),
		deploymentCondition(s, v1alpha1.ConditionConsumerReady, manifests.ComponentConsumer),
		deploymentCondition(s, v1alpha1.ConditionAnalyticsReady, manifests.ComponentAnalytics),
		asyncCondition(s),
	}
	reconciling := reconcilingCondition(s, conditions, runErr)
	stalled := stalledCondition(s, runErr)
	for _, transient := range []struct {
		name      string
		condition *metav1.Condition
	}{
		{v1alpha1.ConditionReconciling, reconciling},
		{v1alpha1.ConditionStalled, stalled},
	} {
		if transient.condition == nil {
			meta.RemoveStatusCondition(&is.Conditions, transient.name)
			continue
		}
		conditions = append(conditions, *transient.condition)
	}
	for _, condition := range conditions {
		condition.ObservedGeneration = s.eventFlow.Generation
		condition.LastTransitionTime = metav1.NewTime(s.now)
		meta.SetStatusCondition(&is.Conditions, condition)
	}
	return is
}

// condition makes a True condition of a reason that is good news.
func holds(name, reason, message string) metav1.Condition {
	return metav1.Condition{Type: name, Status: metav1.ConditionTrue, Reason: reason, Message: message}
}

func fails(name, reason, message string) metav1.Condition {
	return metav1.Condition{Type: name, Status: metav1.ConditionFalse, Reason: reason, Message: message}
}

// readyPurchasePods is how many pods of the purchase API serve.
func readyPurchasePods(s *scope) int32 {
	if api := s.deployments[manifests.ComponentPurchase]; api != nil {
		return api.Status.ReadyReplicas
	}
	return 0
}

func purchaseReplicas(s *scope) string {
	return fmt.Sprintf("%d/%d", readyPurchasePods(s), s.eventFlow.Spec.Purchase.Replicas)
}

// isAnswering reports whether the purchase API has said how it is.
func isAnswering(s *scope) bool { return readyPurchasePods(s) > 0 && s.healthErr == nil }

// readyCondition is True when, and only when, a purchase can be made.
func readyCondition(s *scope) metav1.Condition {
	const name = v1alpha1.ConditionReady
	switch {
	case readyPurchasePods(s) == 0:
		return fails(name, v1alpha1.ReasonNotReady, "No pod of the purchase API is ready")
	case s.healthErr != nil:
		return fails(name, v1alpha1.ReasonUnreachable, "The purchase API does not answer the operator")
	case !s.health.Accepting:
		return fails(name, v1alpha1.ReasonSalePaused, "The purchase API refuses purchases for now"+storesDown(s))
	case len(awayStores(s)) > 0:
		return holds(name, v1alpha1.ReasonSelling, "Purchases are accepted and confirmed later")
	default:
		return holds(name, v1alpha1.ReasonSelling, "Purchases are accepted")
	}
}

// storesDown names the stores that the purchase API cannot reach.
func storesDown(s *scope) string {
	var down []string
	for _, store := range storeComponents {
		if s.health.Stores[string(store)].State == healthStoreDown {
			down = append(down, string(store))
		}
	}
	if len(down) == 0 {
		return ""
	}
	return "; it cannot reach " + strings.Join(down, ", ")
}

// awayStores are the stores whose absence has purchases confirmed later, by what the
// operator sees and by what the purchase API says.
func awayStores(s *scope) []string {
	var away []string
	for _, store := range []v1alpha1.StoreComponent{v1alpha1.StorePostgres, v1alpha1.StoreRabbitMQ} {
		if s.isAway(store) || !isStoreReady(s, store) || s.health.Stores[string(store)].State == healthStoreDown {
			away = append(away, string(store))
		}
	}
	return away
}

func asyncCondition(s *scope) metav1.Condition {
	const name = v1alpha1.ConditionAcceptingAsync
	away := awayStores(s)
	switch {
	case !isAnswering(s) || !s.health.Accepting:
		return fails(name, v1alpha1.ReasonNotSelling, "No purchase is accepted")
	case len(away) > 0:
		return holds(name, v1alpha1.ReasonStoreAway,
			"Purchases are accepted now and confirmed later: away is "+strings.Join(away, ", "))
	case s.health.Mode == healthModeAsync:
		return holds(name, v1alpha1.ReasonConsumerBehind,
			"Purchases are accepted now and confirmed later: the consumer has not caught up")
	default:
		return fails(name, v1alpha1.ReasonConfirming, "Purchases are confirmed while the buyer waits")
	}
}

func mode(s *scope) v1alpha1.Mode {
	switch {
	case s.eventFlow.Spec.Suspend:
		return v1alpha1.ModeSuspended
	case !isAnswering(s):
		return v1alpha1.ModeUnavailable
	case !s.health.Accepting:
		return v1alpha1.ModePaused
	case s.health.Mode == healthModeAsync || len(awayStores(s)) > 0:
		return v1alpha1.ModeAsync
	default:
		return v1alpha1.ModeNormal
	}
}

// isStoreReady reports whether the store's pod is ready and as the operator wants it.
func isStoreReady(s *scope, store v1alpha1.StoreComponent) bool {
	set := s.stores[store]
	return set != nil && !s.hasChanged("StatefulSet", set.Name) &&
		set.Status.ObservedGeneration >= set.Generation &&
		set.Status.ReadyReplicas >= 1 && set.Status.UpdatedReplicas >= 1
}

func storeCondition(s *scope, name string, store v1alpha1.StoreComponent) metav1.Condition {
	switch {
	case s.isAway(store):
		return fails(name, v1alpha1.ReasonOutage, fmt.Sprintf("Scaled to zero until %s for %s",
			s.lease.Until.UTC().Format(time.RFC3339), holderName(s.lease.Holder)))
	case !isStoreReady(s, store):
		return fails(name, v1alpha1.ReasonNotReady, "Its pod is not ready")
	default:
		return holds(name, v1alpha1.ReasonRunning, "Its pod is ready")
	}
}

// holderName leaves the unique id out of "namespace/name/uid".
func holderName(holder string) string {
	parts := strings.Split(holder, "/")
	if len(parts) < 2 {
		return "an unnamed holder"
	}
	return "Chaos " + parts[0] + "/" + parts[1]
}

func deploymentCondition(s *scope, name, component string) metav1.Condition {
	wanted := map[string]int32{
		manifests.ComponentPurchase:  s.eventFlow.Spec.Purchase.Replicas,
		manifests.ComponentConsumer:  s.eventFlow.Spec.Consumer.Replicas,
		manifests.ComponentAnalytics: s.eventFlow.Spec.Analytics.Replicas,
	}[component]
	deployment := s.deployments[component]
	if deployment == nil {
		return fails(name, v1alpha1.ReasonNotReady, fmt.Sprintf("0 of %d pods are ready", wanted))
	}
	is := deployment.Status
	current := !s.hasChanged("Deployment", deployment.Name) && is.ObservedGeneration >= deployment.Generation
	message := fmt.Sprintf("%d of %d pods are ready", is.ReadyReplicas, wanted)
	switch {
	case current && is.ReadyReplicas == wanted && is.UpdatedReplicas == wanted && is.Replicas == wanted:
		return holds(name, v1alpha1.ReasonRunning, message)
	case !current || is.UpdatedReplicas < is.Replicas || is.Replicas != wanted:
		return fails(name, v1alpha1.ReasonProgressing, message+", changes are being rolled out")
	default:
		return fails(name, v1alpha1.ReasonNotReady, message)
	}
}

// reconcilingCondition is nil when the world is as the spec says, or nobody is working
// on it.
func reconcilingCondition(s *scope, components []metav1.Condition, runErr error) *metav1.Condition {
	condition := func(reason, message string) *metav1.Condition {
		c := holds(v1alpha1.ConditionReconciling, reason, message)
		return &c
	}
	if waiting, isWaiting := phase.AsWaiting(runErr); isWaiting {
		return condition(waiting.Reason, waiting.Message)
	}
	if _, isStalled := phase.AsStalled(runErr); isStalled || s.eventFlow.Spec.Suspend {
		return nil
	}
	if runErr != nil {
		// The text of such an error may differ each time; the log has it.
		return condition(v1alpha1.ReasonRetrying, "A step failed and is tried again; see the operator's log")
	}
	var unfinished []string
	for _, c := range components {
		isComponent := c.Type != v1alpha1.ConditionReady && c.Type != v1alpha1.ConditionAcceptingAsync
		if isComponent && c.Status == metav1.ConditionFalse && c.Reason != v1alpha1.ReasonOutage {
			unfinished = append(unfinished, strings.TrimSuffix(c.Type, "Ready"))
		}
	}
	if len(unfinished) == 0 {
		return nil
	}
	return condition(v1alpha1.ReasonProgressing, "Waiting for "+strings.Join(unfinished, ", "))
}

// stalledCondition is nil unless somebody must act.
func stalledCondition(s *scope, runErr error) *metav1.Condition {
	reason, err := v1alpha1.ReasonInvalidLease, s.leaseErr
	if stalled, isStalled := phase.AsStalled(runErr); isStalled {
		reason, err = stalled.Reason, errors.Unwrap(stalled)
	}
	if err == nil {
		return nil
	}
	c := holds(v1alpha1.ConditionStalled, reason, oneLine(err))
	return &c
}

// messageLimit is below the API server's limit for a condition's message.
const messageLimit = 1024

func oneLine(err error) string {
	text := strings.Join(strings.Fields(strings.ReplaceAll(err.Error(), "\n", "; ")), " ")
	if len(text) > messageLimit {
		text = strings.ToValidUTF8(text[:messageLimit], "") + "…"
	}
	return text
}

// pollInterval is when to look at the purchase API again.
func pollInterval(ef *v1alpha1.EventFlow) time.Duration {
	conditions := ef.Status.Conditions
	if meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionReady) &&
		meta.IsStatusConditionFalse(conditions, v1alpha1.ConditionAcceptingAsync) &&
		meta.FindStatusCondition(conditions, v1alpha1.ConditionReconciling) == nil {
		return pollSettled
	}
	return pollUnsettled
}
