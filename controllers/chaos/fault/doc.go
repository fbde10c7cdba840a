// Package fault holds the ways to take a component of an EventFlow away. It must not
// know when that is wanted: package chaos decides, this package does.
package fault
