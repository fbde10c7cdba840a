package manifests

import "github.com/eventflow-dev/eventflow/api/v1alpha1"

// The components of a box office. An object of a component is named after the
// EventFlow and the component.
const (
	ComponentPurchase  = "purchase"
	ComponentConsumer  = "consumer"
	ComponentAnalytics = "analytics"
	ComponentPostgres  = string(v1alpha1.StorePostgres)
	ComponentRedis     = string(v1alpha1.StoreRedis)
	ComponentRabbitMQ  = string(v1alpha1.StoreRabbitMQ)
)

// The ports, and the names that Services give them.
const (
	httpPort       = 8080
	httpPortName   = "http"
	metricsPort    = 9090
	metricsName    = "metrics"
	postgresPort   = 5432
	redisPort      = 6379
	amqpPort       = 5672
	managementPort = 15672
	prometheusPort = 15692
)

// The keys of Secrets and ConfigMaps. The store Secrets share the first ones.
const (
	keyUsername     = "username"
	keyPassword     = "password"
	keyHost         = "host"
	keyPort         = "port"
	keyURL          = "url"
	keyDatabase     = "database"
	keyRedisAuth    = "auth.conf"
	keyRedisConf    = "redis.conf"
	keyBrokerConf   = "10-eventflow.conf"
	keyBrokerUser   = "20-default-user.conf"
	keyPlugins      = "enabled_plugins"
	keyOrderID      = "order-id.key"
	keyReceipt      = "receipt.key"
	keyCatalog      = "catalog.json"
	keyPostgresPass = "postgres-password"
	keyRedisPass    = "redis-password"
	keyBrokerPass   = "rabbitmq-password"
)

// ChildName is the name of the Deployment or StatefulSet of a component, and of its
// Service, ServiceAccount, Secret and ConfigMap where it has them.
func ChildName(ef *v1alpha1.EventFlow, component string) string {
	return ef.Name + "-" + component
}

// CredentialsName is the name of the Secret that holds the generated credentials.
func CredentialsName(ef *v1alpha1.EventFlow) string { return ef.Name + "-credentials" }

// keysName is the name of the Secret with the purchase API's signing keys.
func keysName(ef *v1alpha1.EventFlow) string { return ef.Name + "-keys" }

// catalogName is the name of the ConfigMap with the catalog.
func catalogName(ef *v1alpha1.EventFlow) string { return ef.Name + "-catalog" }

// governingName is the name of the headless Service that gives a store's pods their
// names. Clients use the Service with a cluster address: when the pod is away, that
// one refuses at once, while a headless one leaves its clients talking to an address
// that nobody answers on.
func governingName(ef *v1alpha1.EventFlow, component string) string {
	return ChildName(ef, component) + "-pods"
}

// serviceHost is the name under which a component's Service is reached. It ends
// with the namespace and svc, so that no search path is walked.
func serviceHost(ef *v1alpha1.EventFlow, component string) string {
	return ChildName(ef, component) + "." + ef.Namespace + ".svc"
}

// PurchaseURL is the address of the purchase API inside the cluster.
func PurchaseURL(ef *v1alpha1.EventFlow) string {
	return "http://" + serviceHost(ef, ComponentPurchase) + ":8080"
}

// Endpoint is the address at which buyers reach the purchase API: its host where the
// spec gives one, else its Service.
func Endpoint(ef *v1alpha1.EventFlow) string {
	if ef.Spec.Ingress.Host != "" {
		return "http://" + ef.Spec.Ingress.Host
	}
	return PurchaseURL(ef)
}
