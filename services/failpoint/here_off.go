//go:build !failpoints

package failpoint

// Here marks a place. It does nothing in this build.
func Here(Name) {}
