// Package report is the analytics use case: revenue and tickets by event, from the
// books, and from the last good answer while the books are away. It declares the ports
// that it needs. It must not know HTTP, PostgreSQL or Redis.
package report
