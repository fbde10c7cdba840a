package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/eventflow-dev/eventflow/services/consumer/opening"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

const (
	// emptyTimeout bounds the deletion of what an arbiter with old data still holds.
	emptyTimeout = time.Minute
	// keysPerScan is about how many keys Redis looks at in one step of a scan.
	keysPerScan = 1000
)

var (
	errSuperseded = errors.New("the claim has run out, or the data is lost again")
	errOpen       = errors.New("the arbiter is open")
)

// Begin implements opening.Stock.
func (s *Shelf) Begin(ctx context.Context, token, stale string) error {
	ctx, cancel := context.WithTimeout(ctx, emptyTimeout)
	defer cancel()
	keys := []string{keyRebuild, keyEpoch, keyStock, keyCapacity, keyOutbox, keyAccepted, keyPending, keyRules, keyBuyers, keyPromos}
	words, err := s.rebuild(ctx, scriptBegin, keys, token, stale, opening.ClaimFor.Milliseconds())
	switch {
	case err != nil:
	case words[0] == "OPEN":
		err = fmt.Errorf("%w in epoch %s", errOpen, words[1])
	case words[0] == "BUSY":
		err = opening.ErrBusy
	default:
		err = s.dropOrders(ctx)
	}
	if err != nil {
		return fmt.Errorf("begin a rebuild: %w", err)
	}
	return nil
}

// dropOrders deletes every order. An arbiter that has lost its data has none; one that
// came back with data of an older epoch has orders whose seats nobody holds any more.
func (s *Shelf) dropOrders(ctx context.Context) error {
	var cursor uint64
	for {
		keys, next, err := s.client.Scan(ctx, cursor, orderPrefix+"*", keysPerScan).Result()
		if err != nil {
			return unavailable(err)
		}
		if len(keys) > 0 {
			if err := s.client.Unlink(ctx, keys...).Err(); err != nil {
				return classify(err, true)
			}
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// Restore implements opening.Stock.
func (s *Shelf) Restore(ctx context.Context, token string, records []opening.Record) error {
	for chunk := range slices.Chunk(records, idsPerCall) {
		keys, args := []string{keyRebuild, keyBuyers, keyPromos}, []any{token, opening.ClaimFor.Milliseconds()}
		for _, r := range chunk {
			o := r.Order
			o.Cancelled = false // the state says it
			payload, err := ticketing.EncodeOrder(o)
			if err != nil {
				return fmt.Errorf("restore %d orders: %w", len(records), err)
			}
			keys = append(keys, orderKeyOf(o.ID))
			args = append(args, int((keepSettled - r.Age).Seconds()), string(r.State), o.Fingerprint(), payload,
				o.Tier().String(), o.Quantity, o.Total.Amount, o.Total.Currency, buyerFieldOf(o), promoFieldOf(o))
		}
		if _, err := s.rebuild(ctx, scriptRestore, keys, args...); err != nil {
			return fmt.Errorf("restore %d orders: %w", len(records), err)
		}
	}
	return nil
}

// Open implements opening.Stock.
func (s *Shelf) Open(ctx context.Context, sale opening.Sale) error {
	document, err := s.document(ctx, sale.Events)
	if err != nil {
		return fmt.Errorf("open the sale: %w", err)
	}
	pools := sale.Pools()
	args := []any{sale.Token, sale.Epoch, document, len(pools)}
	for tier, pool := range pools {
		args = append(args, tier.String(), pool.Capacity, pool.Left)
	}
	_, rules := stockArguments(sale.Events)
	args = append(args, rules...)
	keys := []string{keyRebuild, keyEpoch, keyStock, keyCapacity, keyCatalog, keyRules}
	if _, err := s.rebuild(ctx, scriptOpen, keys, args...); err != nil {
		return fmt.Errorf("open the sale: %w", err)
	}
	return nil
}

// rebuild runs one script of a rebuild, which may have been superseded meanwhile.
func (s *Shelf) rebuild(ctx context.Context, what script, keys []string, args ...any) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, slowTimeout)
	defer cancel()
	reply, err := what.run(ctx, s.client, keys, args...)
	if err != nil {
		return nil, err
	}
	words, err := toStrings(reply)
	switch {
	case err != nil:
		return nil, err
	case len(words) == 0:
		return nil, fmt.Errorf("script %s: empty answer", what.name)
	case words[0] == "SUPERSEDED":
		return nil, errSuperseded
	}
	return words, nil
}
