// Package history compares what buyers were told with what the ledger has.
//
// Clients record one Operation for each purchase they attempted; Check takes them,
// the ledger's rows and the arbiter's stock, and counts in the words of Jepsen's set
// test: attempted, acknowledged, lost, duplicated, unexpected, recovered; and
// oversold seats and broken promises. It judges by what clients saw and what stores
// hold, never by the counters of what is tested. It is pure: it must not know HTTP,
// PostgreSQL, Redis or Kubernetes.
package history
