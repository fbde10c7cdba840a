// Package faults takes the stores away in every combination and way while purchases go
// on, and asks the checker whether every promise was kept: real services as processes,
// real PostgreSQL, Redis and RabbitMQ in containers, a misbehaving proxy between them.
// It is built with the tag integration. It must not look inside the services.
package faults
