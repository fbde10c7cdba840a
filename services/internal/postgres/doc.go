// Package postgres is the ledger in PostgreSQL: what has been sold, to whom, and which
// e-mails are due. It implements the ports of the use cases that read and write the
// books. It must not know Redis, RabbitMQ or HTTP, and decides nothing about a purchase but
// whether it still fits its tier's capacity.
package postgres
