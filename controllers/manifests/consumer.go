package manifests

import (
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
)

var consumerSize = size{cpuRequest: "25m", memoryRequest: "32Mi", memoryLimit: "256Mi"}

func consumer(in Input) ([]Object, error) {
	ef := in.EventFlow
	catalog, err := catalogData(ef.Spec.Catalog)
	if err != nil {
		return nil, err
	}
	const folder = configRoot + "catalog"
	workload := goService{
		component: ComponentConsumer,
		replicas:  ef.Spec.Consumer.Replicas,
		grace:     45,
		resources: resourcesOr(ef.Spec.Consumer.Resources, consumerSize),
		stores:    []v1alpha1.StoreComponent{v1alpha1.StorePostgres, v1alpha1.StoreRedis, v1alpha1.StoreRabbitMQ},
		env:       []*corev1ac.EnvVarApplyConfiguration{env("EVENTFLOW_CATALOG_FILE", folder+"/"+keyCatalog)},
		mounts:    []mount{{name: "catalog", path: folder, configMap: catalogName(ef)}},
		files:     []map[string]string{catalog},
	}
	return []Object{
		serviceAccount(ef, ComponentConsumer),
		configMap(ef, ComponentConsumer, catalogName(ef), catalog),
		service(ef, ComponentConsumer, goServicePorts()),
		workload.deployment(in),
	}, nil
}
