package chaos

import (
	"time"

	"github.com/eventflow-dev/eventflow/api/v1alpha1"
)

// scope is what one run has read and decided.
type scope struct {
	chaos *v1alpha1.Chaos
	// before is the status as it was read.
	before v1alpha1.ChaosStatus
	now    time.Time
	world  world
	action action
}

func newScope(c *v1alpha1.Chaos, now time.Time) *scope {
	return &scope{chaos: c, before: *c.Status.DeepCopy(), now: now}
}
