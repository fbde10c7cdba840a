package fulfil

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/eventflow-dev/eventflow/services/consumer/internal/retry"
	"github.com/eventflow-dev/eventflow/services/failpoint"
	"github.com/eventflow-dev/eventflow/services/internal/telemetry"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// collect waits for a first delivery and takes what follows, up to limit, for as long
// as Settings.Linger. It returns nothing where nothing came for a while. If the session
// ends meanwhile, what was taken is dropped: the broker has it again.
func (c *Consumer) collect(ctx context.Context, s Session, limit int) ([]Delivery, error) {
	idle := time.NewTimer(idleProbe)
	defer idle.Stop()
	var batch []Delivery
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-idle.C:
		return nil, nil
	case d, open := <-s.Deliveries():
		if !open {
			return nil, errSessionEnded
		}
		batch = append(batch, d)
	}
	linger := time.NewTimer(c.settings.Linger)
	defer linger.Stop()
	for len(batch) < limit {
		select {
		case <-ctx.Done():
			return batch, nil
		case <-linger.C:
			return batch, nil
		case d, open := <-s.Deliveries():
			if !open {
				return nil, errSessionEnded
			}
			batch = append(batch, d)
		}
	}
	return batch, nil
}

// letter is a delivery with what could be read from it.
type letter struct {
	Delivery
	order ticketing.OrderID
	// unwritable says why the ledger can never have it; such a letter is parked.
	unwritable error
}

// decode reads the deliveries. An order that is there twice is returned once, as cancelled
// where one of them is its cancellation.
func decode(batch []Delivery) ([]letter, []ticketing.Order) {
	letters := make([]letter, len(batch))
	orders := make([]ticketing.Order, 0, len(batch))
	at := make(map[ticketing.OrderID]int, len(batch))
	for i, d := range batch {
		order, err := ticketing.DecodeOrder(d.Body)
		letters[i] = letter{Delivery: d, order: order.ID, unwritable: err}
		if err != nil {
			continue
		}
		first, twice := at[order.ID]
		switch {
		case !twice:
			at[order.ID] = len(orders)
			orders = append(orders, order)
		case order.Cancelled:
			orders[first] = order // the pod that waits for it is another one
		}
	}
	return letters, orders
}

// process takes one batch through: commit, tell, acknowledge. Once begun it goes on
// after ctx has ended, for Settings.StopWithin. An error means that the session must be given up.
func (c *Consumer) process(ctx context.Context, s Session, batch []Delivery) error {
	ctx, cancel := retry.Outlive(ctx, c.settings.StopWithin)
	defer cancel()
	letters, orders := decode(batch)
	c.Metrics.batch.Observe(float64(len(batch)))
	failpoint.Here(failpoint.AfterDeliver)
	v := c.commit(ctx, orders)
	failpoint.Here(failpoint.AfterCommit)
	// What is in the books is told in any case, and before the broker forgets it: an
	// arbiter that was not told shows the order as ACCEPTED for ever.
	c.tell(ctx, v.settled)
	failpoint.Here(failpoint.AfterSettle)
	if v.err != nil {
		c.unsure.add(orders, v.settled)
	}
	err := c.conclude(ctx, s, letters, v)
	failpoint.Here(failpoint.AfterAck)
	return err
}

// conclude acknowledges a batch that has been committed, and only such a one. Where an
// outcome is unknown not even what is surely committed is acknowledged: it all
// comes again, and committing again is harmless.
func (c *Consumer) conclude(ctx context.Context, s Session, letters []letter, v verdict) error {
	if v.err != nil {
		return fmt.Errorf("%w: %w", errLedgerAway, v.err)
	}
	for i := range letters {
		if err, found := v.rejected[letters[i].order]; found && letters[i].unwritable == nil {
			letters[i].unwritable = err
		}
	}
	return c.acknowledge(ctx, s, letters)
}

// acknowledge parks what is unwritable and acknowledges the batch in order; where
// parking fails, up to there.
func (c *Consumer) acknowledge(ctx context.Context, s Session, letters []letter) error {
	for i, l := range letters {
		if l.unwritable == nil {
			continue
		}
		if err := c.park(ctx, s, l); err != nil {
			return errors.Join(err, ackAll(s, letters[:i]))
		}
	}
	return ackAll(s, letters)
}

func ackAll(s Session, letters []letter) error {
	if len(letters) == 0 {
		return nil
	}
	tag := letters[len(letters)-1].Tag
	if err := s.AckUpTo(tag); err != nil {
		return fmt.Errorf("acknowledge up to %d: %w", tag, err)
	}
	return nil
}

func (c *Consumer) park(ctx context.Context, s Session, l letter) error {
	ctx, cancel := context.WithTimeout(ctx, parkTimeout)
	defer cancel()
	reason := reasonRejected
	if errors.Is(l.unwritable, ticketing.ErrPoison) {
		reason = reasonPoison
	}
	if err := s.Park(ctx, l.Delivery, l.unwritable.Error()); err != nil {
		return fmt.Errorf("park delivery %d: %w", l.Tag, err)
	}
	c.Metrics.parked.WithLabelValues(reason).Inc()
	c.Logger.ErrorContext(ctx, "Parked a message that can never be written",
		telemetry.KeyOrderID, string(l.order), telemetry.KeyReason, reason, telemetry.KeyError, l.unwritable)
	return nil
}

// tell logs what is new in the books and has the projector tell the arbiter and the
// waiting pods.
func (c *Consumer) tell(ctx context.Context, settled []Settlement) {
	for _, s := range settled {
		wasUnsure := c.unsure.take(s)
		id := string(s.Order.ID)
		if !s.New && !wasUnsure {
			c.Metrics.repeated.Inc()
			c.Logger.DebugContext(ctx, "Order was in the ledger already", telemetry.KeyOrderID, id)
			continue
		}
		c.Metrics.settled.WithLabelValues(string(s.State)).Inc()
		switch s.State {
		case ticketing.StateRefused:
			c.Logger.ErrorContext(ctx, "Refused an order: the arbiter had sold more seats than there are", telemetry.KeyOrderID, id)
		case ticketing.StateCancelled:
			c.Logger.InfoContext(ctx, "Cancelled order", telemetry.KeyOrderID, id)
		default:
			c.Logger.InfoContext(ctx, "CONSUMER SUCCESS", telemetry.KeyOrderID, id)
		}
	}
	c.projector.tell(ctx, settled)
}
