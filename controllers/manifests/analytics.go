package manifests

import "github.com/eventflow-dev/eventflow/api/v1alpha1"

var analyticsSize = size{cpuRequest: "10m", memoryRequest: "24Mi", memoryLimit: "128Mi"}

func analytics(in Input) []Object {
	ef := in.EventFlow
	workload := goService{
		component: ComponentAnalytics,
		replicas:  ef.Spec.Analytics.Replicas,
		grace:     30,
		drain:     5,
		resources: resourcesOr(ef.Spec.Analytics.Resources, analyticsSize),
		stores:    []v1alpha1.StoreComponent{v1alpha1.StorePostgres, v1alpha1.StoreRedis},
	}
	return []Object{
		serviceAccount(ef, ComponentAnalytics),
		service(ef, ComponentAnalytics, goServicePorts()),
		workload.deployment(in),
	}
}
