package manifests

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
)

const (
	// serviceUserID is the user of the image of EventFlow's own services.
	serviceUserID = 65532
	configRoot    = "/etc/eventflow/"
)

// goService is one of EventFlow's own services.
type goService struct {
	component string
	replicas  int32
	grace     int64
	// drain is how many seconds the pod serves on while it is being taken out of the
	// load balancers: nothing orders that and the order to stop.
	drain     int64
	resources *corev1.ResourceRequirements
	stores    []v1alpha1.StoreComponent
	env       []*corev1ac.EnvVarApplyConfiguration
	mounts    []mount
	files     []map[string]string
}

func goServicePorts() []port {
	return []port{{name: httpPortName, number: httpPort}, {name: metricsName, number: metricsPort}}
}

// deployment renders the service's Deployment. A new pod must be ready before an old
// one goes.
func (s goService) deployment(in Input) *appsv1ac.DeploymentApplyConfiguration {
	ef := in.EventFlow
	template := s.pod(in).template(ef)
	template.Spec.WithTopologySpreadConstraints(
		s.spread(ef, corev1.LabelHostname), s.spread(ef, corev1.LabelTopologyZone))
	return appsv1ac.Deployment(ChildName(ef, s.component), ef.Namespace).
		WithLabels(labels(ef, s.component)).
		WithSpec(appsv1ac.DeploymentSpec().
			WithReplicas(s.replicas).
			WithRevisionHistoryLimit(3).
			WithSelector(labelSelector(ef, s.component)).
			WithStrategy(appsv1ac.DeploymentStrategy().
				WithType(appsv1.RollingUpdateDeploymentStrategyType).
				WithRollingUpdate(appsv1ac.RollingUpdateDeployment().
					WithMaxUnavailable(intstr.FromInt32(0)).
					WithMaxSurge(intstr.FromInt32(1)))).
			WithTemplate(template))
}

func (s goService) spread(ef *v1alpha1.EventFlow, key string) *corev1ac.TopologySpreadConstraintApplyConfiguration {
	return corev1ac.TopologySpreadConstraint().
		WithMaxSkew(1).
		WithTopologyKey(key).
		// Three pods must also run on one node.
		WithWhenUnsatisfiable(corev1.ScheduleAnyway).
		WithLabelSelector(labelSelector(ef, s.component))
}

func (s goService) pod(in Input) pod {
	environment := []*corev1ac.EnvVarApplyConfiguration{
		corev1ac.EnvVar().WithName("EVENTFLOW_NODE").WithValueFrom(corev1ac.EnvVarSource().
			WithFieldRef(corev1ac.ObjectFieldSelector().WithAPIVersion("v1").WithFieldPath("metadata.name"))),
	}
	if limit, found := goMemoryLimit(s.resources); found {
		environment = append(environment, env("GOMEMLIMIT", limit))
	}
	mounts, files := s.mounts, s.files
	for _, store := range s.stores {
		name := string(store)
		environment = append(environment, env(urlVariables[store], configRoot+name+"/"+keyURL))
		mounts = append(mounts, mount{
			name: name, path: configRoot + name, secret: ChildName(in.EventFlow, name), keys: []string{keyURL},
		})
		files = append(files, map[string]string{name: storeURL(in, store)})
	}
	container := corev1ac.Container().
		WithImage(imageOr(in.EventFlow.Spec.Image, in.Images.Service)).
		WithCommand("/" + s.component).
		WithEnv(append(environment, s.env...)...).
		WithPorts(containerPorts(goServicePorts())...).
		WithStartupProbe(starting(httpProbe("/livez"))).
		WithReadinessProbe(ready(httpProbe("/readyz"))).
		WithLivenessProbe(alive(httpProbe("/livez")))
	if s.drain > 0 {
		container.WithLifecycle(corev1ac.Lifecycle().WithPreStop(corev1ac.LifecycleHandler().
			WithSleep(corev1ac.SleepAction().WithSeconds(s.drain))))
	}
	return pod{
		component: s.component,
		user:      serviceUserID,
		grace:     s.grace,
		container: container,
		resources: s.resources,
		mounts:    append(mounts, scratch("tmp", "/tmp")),
		files:     files,
	}
}

// urlVariables name the files with the stores' URLs.
var urlVariables = map[v1alpha1.StoreComponent]string{
	v1alpha1.StorePostgres: "EVENTFLOW_POSTGRES_URL_FILE",
	v1alpha1.StoreRedis:    "EVENTFLOW_REDIS_URL_FILE",
	v1alpha1.StoreRabbitMQ: "EVENTFLOW_RABBITMQ_URL_FILE",
}

// storeURL is the URL in a store's Secret.
func storeURL(in Input, store v1alpha1.StoreComponent) string {
	access := map[v1alpha1.StoreComponent]func(Input) map[string]string{
		v1alpha1.StorePostgres: postgresAccess,
		v1alpha1.StoreRedis:    redisAccess,
		v1alpha1.StoreRabbitMQ: rabbitmqAccess,
	}
	return access[store](in)[keyURL]
}
