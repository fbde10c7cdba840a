// Package httpapi is the purchase service's HTTP edge: it decodes requests, calls the use
// cases and says what they answer in the words of the contract. It must not know Redis,
// RabbitMQ or PostgreSQL, and gin does not leave it.
package httpapi
