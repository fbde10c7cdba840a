// Package notify tells buyers by e-mail how the ledger decided: it takes what is due
// from the ledger's outbox, renders it in the buyer's language and hands it to a Sender.
// It declares the ports that it needs. It must not know PostgreSQL, RabbitMQ or SMTP.
package notify
