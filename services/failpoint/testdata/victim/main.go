// Command victim passes the place AfterCommit three times.
package main

import (
	"fmt"
	"os"

	"github.com/eventflow-dev/eventflow/services/failpoint"
)

func main() {
	for n := range 3 {
		fmt.Fprintln(os.Stdout, "round", n)
		failpoint.Here(failpoint.AfterReserve)
		failpoint.Here(failpoint.AfterCommit)
	}
	fmt.Fprintln(os.Stdout, "done")
}
