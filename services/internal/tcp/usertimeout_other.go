//go:build !linux

package tcp

import "syscall"

// setUserTimeout does nothing where the kernel has no such option: keep-alive must do.
func setUserTimeout(string, syscall.RawConn) error { return nil }
