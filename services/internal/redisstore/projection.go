package redisstore

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/consumer/overdue"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
)

// keepSettled is for how long the arbiter remembers a settled order: longer than any
// client repeats a request.
const keepSettled = 7 * 24 * time.Hour

var (
	_ fulfil.Projection = (*Projection)(nil)
	_ overdue.Arbiter   = (*Projection)(nil)
)

// Projection writes into the arbiter what the ledger has decided.
type Projection struct{ client redis.UniversalClient }

// NewProjection returns the projection into the arbiter behind client.
func NewProjection(client *redis.Client) *Projection {
	return &Projection{client: client.WithTimeout(slowTimeout)}
}

// Settle implements fulfil.Projection. It may be repeated.
func (p *Projection) Settle(ctx context.Context, settlements []fulfil.Settlement) error {
	for chunk := range slices.Chunk(settlements, idsPerCall) {
		if err := p.settle(ctx, chunk); err != nil {
			return fmt.Errorf("settle %d orders: %w", len(settlements), err)
		}
	}
	return nil
}

func (p *Projection) settle(ctx context.Context, settlements []fulfil.Settlement) error {
	ctx, cancel := context.WithTimeout(ctx, slowTimeout)
	defer cancel()
	keys := []string{keyOutbox, keyPending, keyStock, keyAccepted, keyBuyers, keyPromos}
	args := []any{int(keepSettled.Seconds()), len(settlements)}
	byNode := map[string][]checkout.Settlement{}
	for _, s := range settlements {
		if !s.State.Settled() {
			return fmt.Errorf("order %s: state %s is not final", s.Order.ID, s.State)
		}
		keys = append(keys, orderKeyOf(s.Order.ID))
		args = append(args, string(s.Order.ID), string(s.State))
		byNode[s.Order.Node] = append(byNode[s.Order.Node], checkout.Settlement{ID: s.Order.ID, State: s.State})
	}
	for node, told := range byNode {
		message, err := json.Marshal(told)
		if err != nil {
			return fmt.Errorf("encode announcement: %w", err)
		}
		args = append(args, announceChannel(node), message)
	}
	_, err := scriptSettle.run(ctx, p.client, keys, args...)
	return err
}

// Remind implements overdue.Arbiter.
func (p *Projection) Remind(ctx context.Context, age time.Duration, limit int) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, slowTimeout)
	defer cancel()
	reply, err := scriptRemind.run(ctx, p.client, []string{keyAccepted, keyOutbox}, age.Milliseconds(), limit)
	if err != nil {
		return 0, fmt.Errorf("remind of orders that are overdue: %w", err)
	}
	moved, ok := reply.(int64)
	if !ok {
		return 0, fmt.Errorf("remind of orders that are overdue: want a number, got %T", reply)
	}
	return int(moved), nil
}

// SetPaused implements fulfil.Projection.
//
//nolint:revive // the flag is what is stored
func (p *Projection) SetPaused(ctx context.Context, paused bool) error {
	ctx, cancel := context.WithTimeout(ctx, slowTimeout)
	defer cancel()
	var err error
	if paused {
		err = p.client.Set(ctx, keyPaused, "1", 0).Err()
	} else {
		err = p.client.Del(ctx, keyPaused).Err()
	}
	if err != nil {
		return fmt.Errorf("announce paused=%t: %w", paused, classify(err, true))
	}
	return nil
}
