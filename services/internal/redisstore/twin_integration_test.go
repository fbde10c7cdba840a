//go:build integration

package redisstore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/eventflow-dev/eventflow/services/internal/storetest"
)

const (
	// agreeFor is how long the seeded programs run, over so many arbiters at once.
	agreeFor     = 4 * time.Second
	agreeAtOnce  = 4
	sameSeeds    = 20
	programsEach = 10_000
)

// TestScriptsAgreeWithTwin runs random programs on Redis and on the twin. A failure names
// its seed and shows the program, shrunk. The first seeds are always the same.
func TestScriptsAgreeWithTwin(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	for worker := range agreeAtOnce {
		t.Run(fmt.Sprintf("arbiter %d", worker), func(t *testing.T) {
			t.Parallel()
			a, twin := openArbiter(t, storetest.ProgramOutbox), storetest.OpenTwin(t, storetest.ProgramOutbox)
			n := 0
			for ; n < programsEach && !t.Failed() && (n < sameSeeds || time.Since(begin) < agreeFor); n++ {
				seed := uint64(worker*sameSeeds + n)
				if n >= sameSeeds {
					seed += uint64(begin.UnixNano())
				}
				t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
					storetest.Agree(t, storetest.RandomProgram(seed), a, twin)
				})
			}
			t.Logf("%d programs", n)
		})
	}
}

// FuzzScriptsAgreeWithTwin lets the fuzzer write the programs.
func FuzzScriptsAgreeWithTwin(f *testing.F) {
	for seed := range uint64(3) {
		f.Add([]byte(storetest.RandomProgram(seed)))
	}
	f.Fuzz(func(t *testing.T, program []byte) {
		storetest.Agree(t, program, openArbiter(t, storetest.ProgramOutbox), storetest.OpenTwin(t, storetest.ProgramOutbox))
	})
}
