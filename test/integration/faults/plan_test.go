//go:build integration

package faults_test

import (
	"fmt"
	"testing"
	"time"
)

// TestPlanIsItsSeeds: a seed is a schedule, and two seeds are two.
func TestPlanIsItsSeeds(t *testing.T) {
	t.Parallel()
	var stores, processes []soakFault
	for n := range 20 {
		stores = append(stores, soakFault{name: fmt.Sprintf("store %d", n)})
		processes = append(processes, soakFault{name: fmt.Sprintf("process %d", n)})
	}
	one, same, other := plan(1, time.Hour, stores, processes), plan(1, time.Hour, stores, processes), plan(2, time.Hour, stores, processes)
	if fmt.Sprint(one) != fmt.Sprint(same) {
		t.Errorf("one seed, two schedules:\n%v\n%v", one, same)
	}
	if fmt.Sprint(one) == fmt.Sprint(other) {
		t.Error("two seeds, one schedule")
	}
}
