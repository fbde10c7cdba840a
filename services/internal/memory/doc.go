// Package memory holds in-process twins of the stores: Arbiter for Redis, Ledger for
// PostgreSQL, Broker for RabbitMQ. They keep the same promises as the real ones, which
// the suites in storetest check on both, and lose everything with the process. They are
// for tests of use cases, which can also make them fail. They must not know a network.
package memory
