package v1alpha1

import (
	"encoding/json"
	"fmt"
	"time"
)

// OutageAnnotation on an EventFlow holds an OutageLease. Only a Chaos writes it; only
// the EventFlow controller acts on it.
const OutageAnnotation = "eventflow.dev/outage"

// OutageLease asks for one component of an EventFlow to be scaled to zero until an
// absolute time. Past that time it has no effect, whether or not its holder is still
// alive to take it back: the component always returns.
//
// +kubebuilder:object:generate=false
type OutageLease struct {
	// Component is the component to take away.
	Component StoreComponent `json:"component"`
	// Holder is "namespace/name/uid" of the Chaos that asked.
	Holder string `json:"holder"`
	// Until is when the lease ends.
	Until time.Time `json:"until"`
}

// StoreComponent names a store of an EventFlow.
// +kubebuilder:validation:Enum=postgres;redis;rabbitmq
type StoreComponent string

// The stores.
const (
	StorePostgres StoreComponent = "postgres"
	StoreRedis    StoreComponent = "redis"
	StoreRabbitMQ StoreComponent = "rabbitmq"
)

// Outage returns the lease on the EventFlow, or nil where there is none. A lease
// that cannot be read is an error, and no outage.
func (e *EventFlow) Outage() (*OutageLease, error) {
	text, found := e.Annotations[OutageAnnotation]
	if !found {
		return nil, nil
	}
	lease := &OutageLease{}
	if err := json.Unmarshal([]byte(text), lease); err != nil {
		return nil, fmt.Errorf("annotation %s: %w", OutageAnnotation, err)
	}
	return lease, nil
}

// Encode renders the lease as the annotation's value.
func (l OutageLease) Encode() (string, error) {
	text, err := json.Marshal(l)
	if err != nil {
		return "", fmt.Errorf("encode outage lease: %w", err)
	}
	return string(text), nil
}

// ActiveFor reports whether the lease takes the component away at the given time.
func (l *OutageLease) ActiveFor(component StoreComponent, now time.Time) bool {
	return l != nil && l.Component == component && now.Before(l.Until)
}
