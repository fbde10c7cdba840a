// Package e2e tests a box office in a real cluster: through its ingress, by its custom
// resources, with its database taken away. It needs the cluster of "make up" and is
// built with the tag e2e. It must not reach around what a user can do, but to look:
// into the database, at logs and at pods.
package e2e
