// Command oci-runtime is runc for hosts without CAP_SYS_RESOURCE: it takes out of each
// request what needs that capability, and becomes runc. Docker asks for every capability
// in a privileged container and for lowered OOM scores; both fail with EPERM where the
// bounding set lacks the capability. It must not know about Docker or kind.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "eventflow-oci-runtime:", err)
		os.Exit(1)
	}
}

// run returns only if runc could not take over.
func run(args []string) error {
	if err := reduceRequest(args); err != nil {
		return err
	}
	runc, err := exec.LookPath("runc")
	if err != nil {
		return fmt.Errorf("find runc: %w", err)
	}
	//nolint:gosec // Handing on its own arguments is what this program is for.
	if err := syscall.Exec(runc, append([]string{"runc"}, args...), os.Environ()); err != nil {
		return fmt.Errorf("become %q: %w", runc, err)
	}
	return nil
}
