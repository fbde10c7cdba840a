package fulfil

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// verdict is what the ledger made of a batch.
type verdict struct {
	settled []Settlement
	// rejected are the orders that it can never take.
	rejected map[ticketing.OrderID]error
	// err is set where the outcome of at least one commit is not known.
	err error
}

func (v verdict) and(other verdict) verdict {
	v.settled = append(v.settled, other.settled...)
	v.err = other.err
	if v.rejected == nil {
		v.rejected = other.rejected
		return v
	}
	maps.Copy(v.rejected, other.rejected)
	return v
}

// commit writes the orders. A batch that the ledger rejects is halved until the order
// to blame is alone, so that one bad order costs a few more commits and not the batch.
func (c *Consumer) commit(ctx context.Context, orders []ticketing.Order) verdict {
	if len(orders) == 0 {
		return verdict{}
	}
	settled, err := c.commitOnce(ctx, orders)
	if err == nil {
		return verdict{settled: settled}
	}
	var rejected *RejectedError
	// An error that is no clear rejection says nothing about the orders: parking one
	// because of an outage would break the promise that was made about it.
	if errors.Is(err, ErrUnavailable) || !errors.As(err, &rejected) {
		return verdict{err: err}
	}
	if len(orders) == 1 {
		return verdict{rejected: map[ticketing.OrderID]error{orders[0].ID: rejected}}
	}
	half := len(orders) / 2
	first := c.commit(ctx, orders[:half])
	if first.err != nil {
		return first
	}
	return first.and(c.commit(ctx, orders[half:]))
}

// tellIfSlow announces a pause where the commit that begins now takes long: a ledger that
// hangs is known to be away only when the commit's time is over, and until then buyers would wait
// in vain. The returned function is called with the commit's end.
func (c *Consumer) tellIfSlow() (ended func(error)) {
	told := make(chan struct{})
	slow := time.AfterFunc(slowCommit, func() {
		c.announcer.announce(true)
		close(told)
	})
	return func(err error) {
		if slow.Stop() {
			return
		}
		<-told
		if _, rejected := errors.AsType[*RejectedError](err); err == nil || rejected {
			c.announcer.announce(false) // it was slow, not away
		}
	}
}

func (c *Consumer) commitOnce(ctx context.Context, orders []ticketing.Order) ([]Settlement, error) {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	began := c.Now()
	told := c.tellIfSlow()
	settled, err := c.Ledger.Commit(ctx, orders)
	told(err)
	c.Metrics.commit.WithLabelValues(commitResult(err)).Observe(c.Now().Sub(began).Seconds())
	if err != nil {
		return nil, fmt.Errorf("commit %d orders: %w", len(orders), err)
	}
	if len(settled) != len(orders) {
		// Acknowledging an order that the ledger did not mention could lose it.
		return nil, fmt.Errorf("%w: it settled %d of %d orders", ErrUnavailable, len(settled), len(orders))
	}
	return settled, nil
}
