package manifests

import (
	"fmt"
	"strings"

	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
)

const (
	rabbitHome   = "/var/lib/rabbitmq"
	rabbitFolder = "/etc/rabbitmq"
	// rabbitStart becomes the server itself. What Debian has in the path is a wrapper
	// that keeps the log in a file and the order to stop to itself.
	rabbitStart = "export PATH=/usr/lib/rabbitmq/bin:$PATH; exec rabbitmq-server"
)

var rabbitmqSize = size{cpuRequest: "50m", memoryRequest: "192Mi", memoryLimit: "768Mi"}

func rabbitmqPorts() []port {
	return []port{
		{name: "amqp", number: amqpPort},
		{name: "management", number: managementPort},
		{name: metricsName, number: prometheusPort},
	}
}

func rabbitmq(in Input) []Object {
	ef := in.EventFlow
	name := ChildName(ef, ComponentRabbitMQ)
	return []Object{
		serviceAccount(ef, ComponentRabbitMQ),
		secret(ef, ComponentRabbitMQ, name, rabbitmqAccess(in)),
		configMap(ef, ComponentRabbitMQ, name, rabbitmqConf(in)),
		governingService(ef, ComponentRabbitMQ, rabbitmqPorts()),
		service(ef, ComponentRabbitMQ, rabbitmqPorts()),
		rabbitmqStatefulSet(in),
	}
}

// rabbitmqConf bounds the broker by the pod's memory and volume. Relative bounds would
// be taken from the node.
func rabbitmqConf(in Input) map[string]string {
	spec := in.EventFlow.Spec.RabbitMQ
	resources := resourcesOr(spec.Resources, rabbitmqSize)
	lines := []string{
		fmt.Sprintf("listeners.tcp.default = %d", amqpPort),
		fmt.Sprintf("management.tcp.port = %d", managementPort),
		fmt.Sprintf("prometheus.tcp.port = %d", prometheusPort),
		"log.console = true",
		"log.console.level = info",
		"log.file = false",
		fmt.Sprintf("vm_memory_high_watermark.absolute = %d", memoryShare(resources, rabbitmqSize, 60)),
		fmt.Sprintf("disk_free_limit.absolute = %d", spec.Storage.Value()/4),
		// The default of 512 MiB wants three times that in memory.
		"raft.wal_max_size_bytes = 64000000",
	}
	return map[string]string{
		keyBrokerConf: strings.Join(lines, "\n") + "\n",
		keyPlugins:    "[rabbitmq_management,rabbitmq_prometheus].\n",
	}
}

// rabbitmqEnv keeps the broker to itself: one node of a name that no restart changes,
// so that it finds its data again, with the ports of a cluster on the loopback only.
func rabbitmqEnv() []*corev1ac.EnvVarApplyConfiguration {
	return []*corev1ac.EnvVarApplyConfiguration{
		env("HOME", rabbitHome),
		env("RABBITMQ_NODENAME", "rabbit@localhost"),
		env("RABBITMQ_LOGS", "-"),
		env("ERL_EPMD_ADDRESS", "127.0.0.1"),
		// The runtime sizes a table by the limit of open files, which may be a billion.
		env("ERL_MAX_PORTS", "65536"),
		// Idle schedulers sleep instead of spinning.
		env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
			"+sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}"),
	}
}

func rabbitmqStatefulSet(in Input) Object {
	ef := in.EventFlow
	spec, name := ef.Spec.RabbitMQ, ChildName(ef, ComponentRabbitMQ)
	container := corev1ac.Container().
		WithImage(imageOr(spec.Image, in.Images.RabbitMQ)).
		WithCommand("sh", "-c", rabbitStart).
		WithEnv(rabbitmqEnv()...).
		WithPorts(containerPorts(rabbitmqPorts())...).
		WithStartupProbe(starting(tcpProbe("amqp"))).
		// No liveness probe, as in RabbitMQ's own operator: a broker that is busy with
		// its disk must not be restarted for it.
		WithReadinessProbe(ready(tcpProbe("amqp")))
	return store{
		component: v1alpha1.StoreRabbitMQ,
		spec:      spec,
		pod: pod{
			component: ComponentRabbitMQ,
			user:      storeUserID,
			grace:     60,
			container: container,
			resources: resourcesOr(spec.Resources, rabbitmqSize),
			mounts: []mount{
				// Note: the cookie lies in the home folder and must be readable by its
				// owner alone, so that folder is not on the volume, whose group may be
				// given access to every file.
				scratch("home", rabbitHome),
				{name: dataVolume, path: rabbitHome + "/mnesia", claim: true},
				{name: "config", path: rabbitFolder + "/conf.d", projected: []*corev1ac.VolumeProjectionApplyConfiguration{
					corev1ac.VolumeProjection().WithConfigMap(corev1ac.ConfigMapProjection().
						WithName(name).WithItems(keyPaths([]string{keyBrokerConf})...)),
					corev1ac.VolumeProjection().WithSecret(corev1ac.SecretProjection().
						WithName(name).WithItems(keyPaths([]string{keyBrokerUser})...)),
				}},
				{name: "plugins", path: rabbitFolder + "/" + keyPlugins, configMap: name, keys: []string{keyPlugins}, subPath: keyPlugins},
				scratch("logs", "/var/log/rabbitmq"),
				scratch("tmp", "/tmp"),
			},
			// The first user is made once: its password rolls nothing.
			files: []map[string]string{rabbitmqConf(in)},
		},
	}.statefulSet(in)
}
