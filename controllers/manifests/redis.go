package manifests

import (
	"fmt"
	"strings"

	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
)

const (
	redisData   = "/data"
	redisFolder = "/etc/redis"
	redisAuth   = "/etc/eventflow/redis"
)

var redisSize = size{cpuRequest: "25m", memoryRequest: "32Mi", memoryLimit: "512Mi"}

func redisPorts() []port { return []port{{name: "redis", number: redisPort}} }

func redis(in Input) []Object {
	ef := in.EventFlow
	name := ChildName(ef, ComponentRedis)
	return []Object{
		serviceAccount(ef, ComponentRedis),
		secret(ef, ComponentRedis, name, redisAccess(in)),
		configMap(ef, ComponentRedis, name, redisConf(in)),
		governingService(ef, ComponentRedis, redisPorts()),
		service(ef, ComponentRedis, redisPorts()),
		redisStatefulSet(in),
	}
}

// redisConf makes Redis an arbiter that may be believed: what it has answered is on
// disk, and nothing is ever evicted. When its memory is full it refuses writes.
func redisConf(in Input) map[string]string {
	resources := resourcesOr(in.EventFlow.Spec.Redis.Resources, redisSize)
	lines := []string{
		"bind * -::*",
		fmt.Sprintf("port %d", redisPort),
		"dir " + redisData,
		"appendonly yes",
		"appendfsync always",
		"no-appendfsync-on-rewrite no",
		// Snapshots would add nothing to the append-only file.
		`save ""`,
		"maxmemory-policy noeviction",
		// The rest of the limit is for buffers, and for what a rewrite of the
		// append-only file copies.
		fmt.Sprintf("maxmemory %d", memoryShare(resources, redisSize, 60)),
		"tcp-keepalive 30",
		"include " + redisAuth + "/" + keyRedisAuth,
	}
	return map[string]string{keyRedisConf: strings.Join(lines, "\n") + "\n"}
}

func redisStatefulSet(in Input) Object {
	ef := in.EventFlow
	spec, name := ef.Spec.Redis, ChildName(ef, ComponentRedis)
	ping := []string{"sh", "-c", fmt.Sprintf(
		`REDISCLI_AUTH="$(cat %s/%s)" redis-cli -h 127.0.0.1 -p %d ping | grep -qx PONG`, redisAuth, keyPassword, redisPort)}
	container := corev1ac.Container().
		WithImage(imageOr(spec.Image, in.Images.Redis)).
		WithCommand("redis-server", redisFolder+"/"+keyRedisConf).
		WithPorts(containerPorts(redisPorts())...).
		WithStartupProbe(starting(execProbe(ping...))).
		WithReadinessProbe(ready(execProbe(ping...))).
		WithLivenessProbe(alive(tcpProbe("redis")))
	return store{
		component: v1alpha1.StoreRedis,
		spec:      spec,
		pod: pod{
			component: ComponentRedis,
			user:      storeUserID,
			grace:     60,
			container: container,
			resources: resourcesOr(spec.Resources, redisSize),
			mounts: []mount{
				{name: dataVolume, path: redisData, claim: true},
				{name: "config", path: redisFolder, configMap: name},
				{name: "access", path: redisAuth, secret: name, keys: []string{keyRedisAuth, keyPassword}},
				scratch("tmp", "/tmp"),
			},
			files: []map[string]string{redisConf(in), redisAccess(in)},
		},
	}.statefulSet(in)
}
