// Package overdue finds orders that the broker was given and the ledger never got: a
// broker that lost its data, or a consumer that died between its acknowledgement and the
// settlement. They are put into the outbox again, from where a purchase pod publishes them. The
// ledger takes an order once, so that one reminder too many does no harm.
// It declares the ports that it needs, and must not know RabbitMQ or Redis.
package overdue
