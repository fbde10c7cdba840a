// Package httpserver is what every HTTP edge of EventFlow shares: a server with the
// timeouts that a public one needs and a drain at its end, the two probes, and problem
// documents (RFC 9457). It must not know any route, store or use case.
package httpserver
