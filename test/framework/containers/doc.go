// Package containers runs real stores for tests: PostgreSQL, Redis and RabbitMQ, started
// through the docker command on loopback ports, waited for, broken on demand, and
// removed. It must not know what a test asserts.
//
// The images are the official ones unless EVENTFLOW_TEST_POSTGRES_IMAGE,
// EVENTFLOW_TEST_REDIS_IMAGE or EVENTFLOW_TEST_RABBITMQ_IMAGE name others of the same contract.
package containers
