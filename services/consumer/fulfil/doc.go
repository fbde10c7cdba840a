// Package fulfil is the consumer's use case: take orders from the queue in batches,
// write each batch to the ledger in one transaction, acknowledge after the commit and
// only then, tell whoever waits, and pause while the ledger is away. It declares the ports that it
// needs. It must not know RabbitMQ, PostgreSQL, Redis or SMTP.
package fulfil
