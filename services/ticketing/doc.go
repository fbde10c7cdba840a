// Package ticketing is the domain of a box office: events, tiers, prices, orders
// and the states an order goes through, and the message that carries an order from
// the purchase service to the consumer.
//
// It is pure: it does no I/O, reads no clock and writes no log. It must not know
// HTTP, PostgreSQL, Redis, RabbitMQ or Kubernetes.
package ticketing
