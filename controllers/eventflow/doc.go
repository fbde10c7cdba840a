// Package eventflow reconciles an EventFlow: it applies the objects that package
// manifests asks for, keeps them so, and says in the status what a buyer would find.
// It alone writes the replicas of its children, and carries out the outage leases
// that others write. It must not know how an outage is used, nor anything of the
// Chaos kind.
package eventflow
