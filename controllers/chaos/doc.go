// Package chaos reconciles Chaos objects: experiments that take a component of an
// EventFlow away and give it back. It must not touch a StatefulSet or any other child
// of an EventFlow; all it writes, besides its own objects, is the outage lease on the
// EventFlow. Whether that lease takes effect is the EventFlow controller's business.
package chaos
