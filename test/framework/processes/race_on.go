//go:build race

package processes

// race reports whether the tests, and so the services, are built with the race detector.
const race = true
