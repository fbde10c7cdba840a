//go:build integration

package faults_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/eventflow-dev/eventflow/services/history"
	"github.com/eventflow-dev/eventflow/test/framework/load"
)

// What "make soak" sets; the rest is what a short run in "make test" has.
var (
	soakFor  = flag.Duration("soak.duration", 30*time.Second, "how long purchases and faults go on")
	soakSeed = flag.Uint64("soak.seed", 0, "makes the schedule of faults the same again; random where 0")
	soakRate = flag.Float64("soak.rate", rate, "purchases a second")
	soakDir  = flag.String("soak.dir", "", "where the history is kept; where empty, that of a failed run only, in a folder of its own")
	soakLoss = flag.Bool("soak.dataloss", false, "Redis and RabbitMQ lose their data, too; each loss takes until it is mended, a minute or more")
)

const (
	soakProgress = 10 * time.Second
	soakSettles  = 3 * time.Minute
	// A fault lasts from faultLeast to faultMost, and as long a rest follows it.
	faultLeast = 2 * time.Second
	faultMost  = 6 * time.Second
)

// planned is one entry of the schedule.
type planned struct {
	faults   []soakFault
	lasts    time.Duration
	restsFor time.Duration
}

func (p planned) String() string {
	names := make([]string, len(p.faults))
	for i, f := range p.faults {
		names[i] = f.name
	}
	return fmt.Sprintf("%v for %s", names, p.lasts.Round(100*time.Millisecond))
}

// plan is the schedule that belongs to a seed: random faults until the duration is over,
// every third with one to a process at the same time.
func plan(seed uint64, duration time.Duration, stores, processes []soakFault) []planned {
	random := rand.New(rand.NewPCG(seed, 0))
	between := func() time.Duration { return faultLeast + time.Duration(random.Int64N(int64(faultMost-faultLeast))) }
	var schedule []planned
	for total := faultLeast; total < duration; {
		p := planned{lasts: between(), restsFor: between()}
		p.faults = append(p.faults, stores[random.IntN(len(stores))])
		switch random.IntN(3) {
		case 0:
			p.faults = append(p.faults, processes[random.IntN(len(processes))])
		case 1:
			p.faults[0] = processes[random.IntN(len(processes))]
		}
		schedule = append(schedule, p)
		total += p.lasts + p.restsFor
	}
	return schedule
}

// TestSoak lets random faults happen under load, one after the other, and asks the checker
// at the end. With the same seed the same faults happen for as long and in the same order.
func TestSoak(t *testing.T) {
	t.Parallel()
	seed := *soakSeed
	if seed == 0 {
		seed = rand.Uint64() >> 1
	}
	servers := own(t, "")
	w := openOn(t, servers, 10_000_000)
	schedule := plan(seed, *soakFor, w.storeFaults(servers), w.processFaults())
	t.Logf("soak: %s, seed %d, %.0f purchases a second, %d faults", *soakFor, seed, *soakRate, len(schedule))
	runs := w.startLoadAt("soak", *soakRate)
	s := &soak{world: w, runs: runs, seed: seed, began: time.Now(), next: time.Now().Add(soakProgress)}
	t.Cleanup(s.keepUnfinished)
	s.pass(faultLeast, "none")
	for _, p := range schedule {
		ends := make([]func(), 0, len(p.faults))
		for _, f := range p.faults {
			ends = append(ends, f.begin())
		}
		s.pass(p.lasts, p.String())
		for _, end := range ends {
			end()
		}
		s.pass(p.restsFor, "none")
	}
	operations := w.stop(runs)
	w.drained(soakSettles)
	if len(operations) < int(*soakRate*soakFor.Seconds()/2) {
		t.Errorf("INVALID: only %d operations", len(operations))
	}
	s.keep(operations)
	w.check(operations)
	for _, service := range w.services() {
		if service.Exited() {
			t.Errorf("%s has ended", service.Name)
		}
	}
}

// soak is one run.
type soak struct {
	*world
	runs        []*load.Load
	seed        uint64
	began, next time.Time
	dir         string
}

// pass lets the load run, and says every now and then how it goes.
func (s *soak) pass(d time.Duration, fault string) {
	until := time.Now().Add(d)
	for time.Now().Before(until) {
		s.world.pass(min(time.Until(until), max(0, time.Until(s.next))))
		if time.Now().Before(s.next) {
			continue
		}
		s.next = s.next.Add(soakProgress)
		counts, total := map[history.Answer]int{}, 0
		for _, run := range s.runs {
			for _, op := range run.Seen() {
				counts[op.Answer]++
				total++
			}
		}
		s.t.Logf("soak: %4.0f s, %.1f operations a second, fault: %s, %v",
			time.Since(s.began).Seconds(), float64(total)/time.Since(s.began).Seconds(), fault, counts)
	}
}

// keep writes what clients saw, and what the stores hold in the end, so that it can be
// checked again.
func (s *soak) keep(operations []history.Operation) {
	s.t.Helper()
	s.write(operations)
	final, err := json.MarshalIndent(s.final(), "", "  ")
	s.must(err)
	s.must(os.WriteFile(filepath.Join(s.dir, "final.json"), final, 0o600))
	if *soakDir == "" {
		s.t.Cleanup(func() {
			if !s.t.Failed() {
				_ = os.RemoveAll(s.dir)
			}
		})
	}
}

// keepUnfinished writes what there is of a run that failed before its end.
func (s *soak) keepUnfinished() {
	if s.t.Failed() && s.dir == "" {
		var operations []history.Operation
		for _, run := range s.runs {
			operations = append(operations, run.Seen()...)
		}
		s.write(operations)
	}
	if s.t.Failed() || *soakDir != "" {
		s.t.Logf("soak: the history of seed %d is in %s", s.seed, s.dir)
	}
}

func (s *soak) write(operations []history.Operation) {
	s.dir = *soakDir
	var err error
	if s.dir == "" {
		s.dir, err = os.MkdirTemp("", fmt.Sprintf("eventflow-soak-%d-", s.seed))
		s.must(err)
	}
	s.must(os.MkdirAll(s.dir, 0o750))
	file, err := os.Create(filepath.Join(s.dir, "history.jsonl"))
	s.must(err)
	s.must(history.Write(file, operations))
	s.must(file.Close())
}
