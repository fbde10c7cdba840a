package manifests

import (
	"maps"
	"net/url"
	"strconv"

	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
)

const (
	storeUser     = "eventflow"
	storeDatabase = "eventflow"
	// redisUser is the user that requirepass is the password of.
	redisUser = "default"
)

// Credentials are the passwords and keys of a box office. They are generated once
// and kept, like the volumes that they open.
type Credentials struct {
	PostgresPassword string `json:"postgresPassword"`
	RedisPassword    string `json:"redisPassword"`
	RabbitMQPassword string `json:"rabbitmqPassword"`
	// OrderIDKey and ReceiptKey are 32 random bytes each, in base64.
	OrderIDKey string `json:"orderIdKey"`
	ReceiptKey string `json:"receiptKey"`
}

// CredentialKind says how a credential that is missing is made.
type CredentialKind int

// The kinds of credentials.
const (
	// KindPassword is text that needs no escaping in a URL or a configuration file.
	KindPassword CredentialKind = iota
	// KindKey is 32 random bytes in base64.
	KindKey
)

// CredentialSource says of one key of the credentials Secret how it is made, and
// which Secret made from it holds a copy.
type CredentialSource struct {
	Key  string
	Kind CredentialKind
	// Copy and CopyKey name the derived Secret and the key in it.
	Copy, CopyKey string
}

// CredentialSources lists every key of the credentials Secret.
func CredentialSources(ef *v1alpha1.EventFlow) []CredentialSource {
	return []CredentialSource{
		{Key: keyPostgresPass, Kind: KindPassword, Copy: ChildName(ef, ComponentPostgres), CopyKey: keyPassword},
		{Key: keyRedisPass, Kind: KindPassword, Copy: ChildName(ef, ComponentRedis), CopyKey: keyPassword},
		{Key: keyBrokerPass, Kind: KindPassword, Copy: ChildName(ef, ComponentRabbitMQ), CopyKey: keyPassword},
		{Key: keyOrderID, Kind: KindKey, Copy: keysName(ef), CopyKey: keyOrderID},
		{Key: keyReceipt, Kind: KindKey, Copy: keysName(ef), CopyKey: keyReceipt},
	}
}

// CredentialsFrom reads the data of the credentials Secret.
func CredentialsFrom(data map[string][]byte) Credentials {
	return Credentials{
		PostgresPassword: string(data[keyPostgresPass]),
		RedisPassword:    string(data[keyRedisPass]),
		RabbitMQPassword: string(data[keyBrokerPass]),
		OrderIDKey:       string(data[keyOrderID]),
		ReceiptKey:       string(data[keyReceipt]),
	}
}

// CredentialsLabels are the labels of the credentials Secret.
func CredentialsLabels(ef *v1alpha1.EventFlow) map[string]string {
	return labels(ef, "credentials")
}

// storeAccess is the data of a store's Secret: how to reach it, in parts and as a URL.
func storeAccess(host string, address url.URL, more map[string]string) map[string]string {
	password, _ := address.User.Password()
	data := map[string]string{
		keyUsername: address.User.Username(),
		keyPassword: password,
		keyHost:     host,
		keyPort:     address.Port(),
		keyURL:      address.String(),
	}
	maps.Copy(data, more)
	return data
}

func postgresAccess(in Input) map[string]string {
	host := serviceHost(in.EventFlow, ComponentPostgres)
	return storeAccess(host, url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(storeUser, in.Credentials.PostgresPassword),
		Host:     host + ":" + strconv.Itoa(postgresPort),
		Path:     "/" + storeDatabase,
		RawQuery: "sslmode=disable",
	}, map[string]string{keyDatabase: storeDatabase})
}

func redisAccess(in Input) map[string]string {
	host := serviceHost(in.EventFlow, ComponentRedis)
	return storeAccess(host, url.URL{
		Scheme: "redis",
		User:   url.UserPassword("", in.Credentials.RedisPassword),
		Host:   host + ":" + strconv.Itoa(redisPort),
		Path:   "/0",
	}, map[string]string{
		keyUsername:  redisUser,
		keyRedisAuth: "requirepass " + in.Credentials.RedisPassword + "\n",
	})
}

func rabbitmqAccess(in Input) map[string]string {
	host := serviceHost(in.EventFlow, ComponentRabbitMQ)
	return storeAccess(host, url.URL{
		Scheme: "amqp",
		User:   url.UserPassword(storeUser, in.Credentials.RabbitMQPassword),
		Host:   host + ":" + strconv.Itoa(amqpPort),
		Path:   "/",
	}, map[string]string{
		keyBrokerUser: "default_user = " + storeUser + "\ndefault_pass = " + in.Credentials.RabbitMQPassword + "\n",
	})
}

func signingKeys(in Input) map[string]string {
	return map[string]string{keyOrderID: in.Credentials.OrderIDKey, keyReceipt: in.Credentials.ReceiptKey}
}

// secret renders a Secret. It uses data rather than stringData, which the server
// cannot merge field by field.
func secret(ef *v1alpha1.EventFlow, component, name string, text map[string]string) Object {
	data := make(map[string][]byte, len(text))
	for key, value := range text {
		data[key] = []byte(value)
	}
	return corev1ac.Secret(name, ef.Namespace).WithLabels(labels(ef, component)).WithData(data)
}

func configMap(ef *v1alpha1.EventFlow, component, name string, data map[string]string) Object {
	return corev1ac.ConfigMap(name, ef.Namespace).WithLabels(labels(ef, component)).WithData(data)
}
