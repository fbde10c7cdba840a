// Package telemetry makes the logger, the metrics registry and the request metrics that
// every service uses, so that the same thing has the same name everywhere. It must not
// know any use case, store or wire format but HTTP's status codes.
package telemetry
