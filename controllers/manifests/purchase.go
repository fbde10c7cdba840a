package manifests

import (
	"cmp"
	"strconv"

	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	policyv1ac "k8s.io/client-go/applyconfigurations/policy/v1"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
)

var purchaseSize = size{cpuRequest: "25m", memoryRequest: "32Mi", memoryLimit: "256Mi"}

func purchase(in Input) []Object {
	ef := in.EventFlow
	const keys = configRoot + "keys"
	workload := goService{
		component: ComponentPurchase,
		replicas:  ef.Spec.Purchase.Replicas,
		// The drain, the longest request and the broker's confirm.
		grace:     45,
		drain:     5,
		resources: resourcesOr(ef.Spec.Purchase.Resources, purchaseSize),
		stores:    []v1alpha1.StoreComponent{v1alpha1.StorePostgres, v1alpha1.StoreRedis, v1alpha1.StoreRabbitMQ},
		env: append([]*corev1ac.EnvVarApplyConfiguration{
			env("EVENTFLOW_ORDER_KEY_FILE", keys+"/"+keyOrderID),
			env("EVENTFLOW_RECEIPT_KEY_FILE", keys+"/"+keyReceipt),
			// The ingress says who a client is. Nothing else is between it and the pods.
			env("EVENTFLOW_TRUSTED_HOPS", "1"),
		}, rateLimit(ef.Spec.Purchase.RateLimit)...),
		mounts: []mount{{name: "keys", path: keys, secret: keysName(ef), keys: []string{keyOrderID, keyReceipt}}},
		files:  []map[string]string{signingKeys(in)},
	}
	return []Object{
		serviceAccount(ef, ComponentPurchase),
		secret(ef, ComponentPurchase, keysName(ef), signingKeys(in)),
		service(ef, ComponentPurchase, goServicePorts()),
		workload.deployment(in),
		purchaseDisruptionBudget(ef),
	}
}

// rateLimit tells the pods of a limit of their own; without one they have a default.
func rateLimit(limit *v1alpha1.RateLimitSpec) []*corev1ac.EnvVarApplyConfiguration {
	if limit == nil {
		return nil
	}
	burst := cmp.Or(limit.Burst, 2*limit.RequestsPerSecond, 1)
	return []*corev1ac.EnvVarApplyConfiguration{
		env("EVENTFLOW_RATE_LIMIT", strconv.Itoa(int(limit.RequestsPerSecond))),
		env("EVENTFLOW_RATE_BURST", strconv.Itoa(int(burst))),
	}
}

// purchaseDisruptionBudget lets a drain take one pod at a time, and broken pods at any
// time. A minimum would block drains for good when it equals the replicas.
func purchaseDisruptionBudget(ef *v1alpha1.EventFlow) Object {
	return policyv1ac.PodDisruptionBudget(ChildName(ef, ComponentPurchase), ef.Namespace).
		WithLabels(labels(ef, ComponentPurchase)).
		WithSpec(policyv1ac.PodDisruptionBudgetSpec().
			WithMaxUnavailable(intstr.FromInt32(1)).
			WithUnhealthyPodEvictionPolicy(policyv1.AlwaysAllow).
			WithSelector(labelSelector(ef, ComponentPurchase)))
}
