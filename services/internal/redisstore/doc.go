// Package redisstore is the arbiter of seats in Redis: the pool of each tier, the orders
// that hold seats, the outbox of orders that the broker does not have yet, and what pods tell each
// other. Every step that decides is one Lua script (scripts/*.lua), so that it happens
// as a whole or not at all, and every key shares one hash tag, so that this holds on a cluster too.
// It must not know RabbitMQ, PostgreSQL or HTTP.
package redisstore
