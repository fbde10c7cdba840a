// Package checkout is the purchase use case: reserve the seats, publish the order,
// wait a moment for its commit, and answer what is true. It declares the ports that it
// needs. It must not know HTTP, Redis, RabbitMQ or PostgreSQL.
package checkout
