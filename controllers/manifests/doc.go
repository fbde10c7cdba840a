// Package manifests turns an EventFlow into the objects that it consists of, as
// server-side apply configurations: pure functions, the same input giving the same
// bytes. It knows no API server, no clock and no randomness; what depends on them
// comes in with Input.
package manifests
