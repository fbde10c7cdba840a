package manifests

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
)

// Object is one desired object. Every apply configuration of client-go is one.
type Object interface {
	runtime.ApplyConfiguration
	GetAPIVersion() *string
	GetKind() *string
	GetNamespace() *string
	GetName() *string
}

// Input is all that the objects of one EventFlow depend on.
type Input struct {
	// EventFlow is the box office, with the defaults of its schema filled in.
	EventFlow *v1alpha1.EventFlow
	// Images are used where the EventFlow names none.
	Images Images
	// Credentials are the box office's passwords and keys.
	Credentials Credentials
	// Outage is the lease in force, nil where there is none. Whether a lease is in
	// force depends on the time, so the caller decides it.
	Outage *v1alpha1.OutageLease
}

// Images are the container images the operator was installed with.
type Images struct {
	Service  string `json:"service"`
	Postgres string `json:"postgres"`
	Redis    string `json:"redis"`
	RabbitMQ string `json:"rabbitmq"`
}

// All returns every object of the EventFlow, in the order in which they are applied.
func All(in Input) ([]Object, error) {
	workloads, err := Workloads(in)
	if err != nil {
		return nil, err
	}
	return slices.Concat(Infrastructure(in), workloads, Exposure(in)), nil
}

// Infrastructure returns the three stores with what they need.
func Infrastructure(in Input) []Object {
	return slices.Concat(postgres(in), redis(in), rabbitmq(in))
}

// Store returns the StatefulSet of one store.
func Store(in Input, component v1alpha1.StoreComponent) Object {
	switch component {
	case v1alpha1.StorePostgres:
		return postgresStatefulSet(in)
	case v1alpha1.StoreRedis:
		return redisStatefulSet(in)
	case v1alpha1.StoreRabbitMQ:
		return rabbitmqStatefulSet(in)
	default:
		return nil
	}
}

// Workloads returns the purchase API, the consumer and the analytics API.
func Workloads(in Input) ([]Object, error) {
	consumer, err := consumer(in)
	if err != nil {
		return nil, fmt.Errorf("build consumer: %w", err)
	}
	return slices.Concat(purchase(in), consumer, analytics(in)), nil
}

// Exposure returns the way in from outside.
func Exposure(in Input) []Object {
	return []Object{ingress(in)}
}
