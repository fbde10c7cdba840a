package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// EventFlow is a box office: a purchase API, a consumer and an analytics API, with the
// PostgreSQL, Redis and RabbitMQ that they need, behind an Ingress. It goes on selling
// while PostgreSQL is away.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=ef,categories=all
// +kubebuilder:printcolumn:name="READY",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`,description="Whether a purchase can be made now"
// +kubebuilder:printcolumn:name="MODE",type=string,JSONPath=`.status.mode`,description="How purchases are answered"
// +kubebuilder:printcolumn:name="API",type=string,JSONPath=`.status.purchaseReplicas`,description="Purchase API pods, ready of wanted"
// +kubebuilder:printcolumn:name="DB",type=string,JSONPath=`.status.conditions[?(@.type=="DatabaseReady")].reason`,description="State of PostgreSQL"
// +kubebuilder:printcolumn:name="ENDPOINT",type=string,JSONPath=`.status.endpoint`,priority=1
// +kubebuilder:printcolumn:name="REASON",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="AGE",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 40 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",message="name: use at most 40 lower-case letters, digits and hyphens, beginning with a letter; Services are named after it"
type EventFlow struct {
	metav1.TypeMeta `json:",inline"`
	// metadata is the standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is the box office that is wanted. An empty spec is a complete box office
	// with nothing on sale.
	// +optional
	// +kubebuilder:default={}
	Spec EventFlowSpec `json:"spec,omitzero"`
	// status is what the operator has seen. Only the operator writes it.
	// +optional
	Status EventFlowStatus `json:"status,omitzero"`
}

// EventFlowSpec is the box office that is wanted.
type EventFlowSpec struct {
	// suspend keeps the operator from changing anything of this box office, which goes
	// on as it is; only a store that an outage took away is still given back. When
	// omitted, the operator keeps everything as the spec says.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
	// image is the image of the purchase API, the consumer and the analytics API.
	// When omitted, it is the one the operator was installed with.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Image string `json:"image,omitempty"`
	// purchase is the API that sells tickets. When omitted, it runs in three replicas.
	// +optional
	// +kubebuilder:default={}
	Purchase PurchaseSpec `json:"purchase,omitzero"`
	// consumer writes accepted purchases into the ledger. When omitted, it runs in one
	// replica.
	// +optional
	// +kubebuilder:default={}
	Consumer ConsumerSpec `json:"consumer,omitzero"`
	// analytics is the API that reports on sales. When omitted, it runs in one replica.
	// +optional
	// +kubebuilder:default={}
	Analytics AnalyticsSpec `json:"analytics,omitzero"`
	// postgres is the ledger's database. When omitted, it has 1Gi of storage.
	// +optional
	// +kubebuilder:default={}
	Postgres StoreSpec `json:"postgres,omitzero"`
	// redis decides who gets a seat and holds the outbox. When omitted, it has 1Gi of
	// storage.
	// +optional
	// +kubebuilder:default={}
	Redis StoreSpec `json:"redis,omitzero"`
	// rabbitmq carries accepted purchases to the consumer. When omitted, it has 1Gi of
	// storage.
	// +optional
	// +kubebuilder:default={}
	RabbitMQ StoreSpec `json:"rabbitmq,omitzero"`
	// ingress is the way in from outside. When omitted, it is an Ingress of class nginx
	// for every host.
	// +optional
	// +kubebuilder:default={}
	Ingress IngressSpec `json:"ingress,omitzero"`
	// catalog is what is on sale. When omitted, nothing is.
	// +optional
	Catalog CatalogSpec `json:"catalog,omitzero"`
}

// PurchaseSpec is the purchase API.
type PurchaseSpec struct {
	// replicas is how many pods share the load. When omitted, three.
	// +optional
	// +kubebuilder:default=3
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	Replicas int32 `json:"replicas,omitempty"`
	// rateLimit is how many purchases one client may make. When omitted, 50 a second and
	// 100 at once, of each pod. What is more is answered with 429, RATE_LIMITED and Retry-After;
	// nothing happened, and the same purchase may be sent again.
	//
	// A client is an address as the ingress sees it, or a /64 of IPv6; no header that it
	// sends changes that. Everybody behind one NAT is one client: a venue, an office, a mobile
	// carrier. The limit keeps one machine from taking every place in a pod, it does not keep
	// scalpers from buying, and belongs well above what people behind one address do together.
	// The default lets 300 of them buy in the first second and 9,000 a minute, of three pods,
	// since each pod counts for itself. Where a load balancer hides addresses from the
	// ingress, all clients are one: let it pass them on (PROXY protocol), or switch the limit off.
	// +optional
	RateLimit *RateLimitSpec `json:"rateLimit,omitempty"`
	// resources of each pod. When omitted, small requests and generous limits; when
	// given, they replace those as a whole.
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
}

// RateLimitSpec is how often one client may buy of one pod.
// +kubebuilder:validation:XValidation:rule="!has(self.burst) || self.burst >= self.requestsPerSecond",message="burst: must be at least requestsPerSecond; people do not come evenly"
type RateLimitSpec struct {
	// requestsPerSecond is how many purchases a second one client may make of each pod in
	// the long run. 0 switches the limit off.
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100000
	RequestsPerSecond int32 `json:"requestsPerSecond"`
	// burst is how many it may make at once. When omitted, twice requestsPerSecond.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	Burst int32 `json:"burst,omitempty"`
}

// ConsumerSpec is the consumer.
type ConsumerSpec struct {
	// replicas is how many pods consume. When omitted, one.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=20
	Replicas int32 `json:"replicas,omitempty"`
	// resources of each pod. When omitted, small requests and generous limits; when
	// given, they replace those as a whole.
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
}

// AnalyticsSpec is the analytics API.
type AnalyticsSpec struct {
	// replicas is how many pods share the load. When omitted, one.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=20
	Replicas int32 `json:"replicas,omitempty"`
	// resources of each pod. When omitted, small requests and generous limits; when
	// given, they replace those as a whole.
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
}

// StoreSpec is one store that the operator runs in a single pod with a volume.
type StoreSpec struct {
	// image of the store. When omitted, it is the one the operator was installed with.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Image string `json:"image,omitempty"`
	// storage is the size of the store's volume, which outlives the box office. It
	// cannot be changed afterwards. When omitted, 1Gi.
	// +optional
	// +kubebuilder:default="1Gi"
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="storage cannot be changed: enlarge the PersistentVolumeClaim itself, where its storage class allows it"
	Storage resource.Quantity `json:"storage,omitzero"`
	// resources of the pod. When omitted, small requests and generous limits; when
	// given, they replace those as a whole.
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
}

// IngressSpec is the way in from outside.
type IngressSpec struct {
	// className names the IngressClass whose controller serves the box office. When
	// omitted, nginx.
	// +optional
	// +kubebuilder:default=nginx
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	ClassName string `json:"className,omitempty"`
	// host is the host name that the box office answers to. When omitted, it answers
	// to every name.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self == '' || self.matches('^([a-z0-9]([-a-z0-9]*[a-z0-9])?)([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",message="host: use a plain DNS name such as tickets.example.com, without scheme, port or path"
	Host string `json:"host,omitempty"`
}

// Mode says how a box office answers purchases.
// +kubebuilder:validation:Enum=Normal;Async;Paused;Unavailable;Suspended
type Mode string

// The modes.
const (
	// ModeNormal: purchases are confirmed while the buyer waits.
	ModeNormal Mode = "Normal"
	// ModeAsync: purchases are accepted now and confirmed later.
	ModeAsync Mode = "Async"
	// ModePaused: the purchase API answers, and refuses purchases for now.
	ModePaused Mode = "Paused"
	// ModeUnavailable: the purchase API does not answer.
	ModeUnavailable Mode = "Unavailable"
	// ModeSuspended: the operator leaves the box office alone; see spec.suspend.
	ModeSuspended Mode = "Suspended"
)

// EventFlowStatus is what the operator has seen.
type EventFlowStatus struct {
	// conditions: Ready, one per component, AcceptingAsync, and Reconciling or Stalled
	// while they are true.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=20
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// observedGeneration is the generation of the spec that this status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// endpoint is the URL of the purchase API inside the cluster, or outside where
	// spec.ingress.host is given.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Endpoint string `json:"endpoint,omitempty"`
	// mode is how purchases are answered.
	// +optional
	Mode Mode `json:"mode,omitempty"`
	// purchaseReplicas is how many pods of the purchase API are ready, of how many
	// wanted, such as 3/3.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	PurchaseReplicas string `json:"purchaseReplicas,omitempty"`
}

// EventFlowList is a list of EventFlows.
// +kubebuilder:object:root=true
type EventFlowList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []EventFlow `json:"items"`
}
