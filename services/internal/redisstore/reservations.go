package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

const (
	// reserveTimeout bounds a reservation, and a look that something is decided by: waiting
	// for a connection, dialling and the answer.
	reserveTimeout = 1200 * time.Millisecond
	// idsPerCall bounds one script's work, during which Redis does nothing else.
	idsPerCall = 500
)

var (
	_ checkout.Reservations  = (*Reservations)(nil)
	_ checkout.Cancellations = (*Reservations)(nil)
	_ checkout.Outbox        = (*Reservations)(nil)
)

// Options of NewReservations.
type Options struct {
	// OutboxLimit is how many orders may wait for the broker.
	OutboxLimit int
}

// Reservations is one pod's client of the arbiter. It sells in one epoch, the one that
// it saw last: an arbiter that has lost its data and was opened anew refuses it once.
type Reservations struct {
	client      redis.UniversalClient
	slow        redis.UniversalClient
	outboxLimit int
	epoch       atomic.Pointer[string]
}

// NewReservations returns the arbiter behind client.
func NewReservations(client *redis.Client, o Options) *Reservations {
	r := &Reservations{client: client, slow: client.WithTimeout(slowTimeout), outboxLimit: o.OutboxLimit}
	r.epoch.Store(new(string))
	return r
}

// Reserve implements checkout.Reservations.
func (r *Reservations) Reserve(ctx context.Context, res checkout.Reservation) (checkout.Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, reserveTimeout)
	defer cancel()
	epoch := *r.epoch.Load()
	outcome, present, err := r.reserve(ctx, res, epoch)
	if err == nil && outcome.Verdict == checkout.SalePaused && present != "" {
		r.epoch.Store(&present)
		if epoch == "" { // the first call of all: it could not know the epoch
			outcome, _, err = r.reserve(ctx, res, present)
		}
	}
	if err != nil {
		return checkout.Outcome{}, fmt.Errorf("reserve %s: %w", res.Order.ID, err)
	}
	return outcome, nil
}

// reserve asks the arbiter once. With SalePaused it returns the arbiter's epoch.
func (r *Reservations) reserve(ctx context.Context, res checkout.Reservation, epoch string) (checkout.Outcome, string, error) {
	o := res.Order
	o.Epoch = epoch // the script reserves in this one or not at all
	payload, err := ticketing.EncodeOrder(o)
	if err != nil {
		return checkout.Outcome{}, "", unavailable(err)
	}
	if o.Quantity < 1 || o.Total.Amount < 0 {
		return checkout.Outcome{}, "", unavailable(errors.New("quantity or total is out of range"))
	}
	reply, err := scriptReserve.run(ctx, r.client,
		[]string{orderKeyOf(o.ID), keyEpoch, keyStock, keyOutbox, keyPending, keyRules, keyBuyers, keyPromos},
		string(o.ID), res.Fingerprint, epoch, o.Tier().String(), o.Quantity, o.Total.Amount, o.Total.Currency, payload, r.outboxLimit,
		buyerFieldOf(o), promoFieldOf(o), promoRuleFieldOf(o.Tier(), o.PromoCode))
	if err != nil {
		return checkout.Outcome{}, "", err
	}
	return readReserved(reply, o)
}

func readReserved(reply any, o ticketing.Order) (checkout.Outcome, string, error) {
	words, err := toStrings(reply)
	if err != nil || len(words) == 0 {
		return checkout.Outcome{}, "", classify(fmt.Errorf("unreadable answer %v: %w", reply, err), true)
	}
	switch word := words[0]; {
	case word == "RESERVED":
		return checkout.Outcome{
			Verdict: checkout.Reserved, Record: checkout.Record{Order: o, State: ticketing.StatePending},
		}, "", nil
	case word == "KNOWN" && len(words) == 4:
		record, err := readRecord(words[1], words[2], words[3])
		if err != nil {
			return checkout.Outcome{}, "", classify(err, true)
		}
		return checkout.Outcome{Verdict: checkout.Known, Record: record}, "", nil
	case word == "SALE_PAUSED" && len(words) == 2:
		return checkout.Outcome{Verdict: checkout.SalePaused}, words[1], nil
	case word == "BUYER_LIMIT" && len(words) == 2:
		limit, err := strconv.Atoi(words[1])
		if err != nil {
			return checkout.Outcome{}, "", classify(fmt.Errorf("unreadable limit: %w", err), true)
		}
		return checkout.Outcome{Verdict: checkout.BuyerLimit, Limit: limit}, "", nil
	case verdicts[word] != 0:
		return checkout.Outcome{Verdict: verdicts[word]}, "", nil
	}
	return checkout.Outcome{}, "", classify(fmt.Errorf("unreadable answer %q", words), true)
}

// verdicts are the answers of the script that carry nothing else.
var verdicts = map[string]checkout.Verdict{
	"KEY_REUSED":      checkout.KeyReused,
	"SALE_CLOSED":     checkout.SaleClosed,
	"SOLD_OUT":        checkout.SoldOut,
	"PROMO_UNKNOWN":   checkout.PromoUnknown,
	"PROMO_NOT_VALID": checkout.PromoNotValid,
	"PROMO_USED_UP":   checkout.PromoUsedUp,
	"NOT_ON_SALE":     checkout.NotOnSale,
	"OUTBOX_FULL":     checkout.OutboxFull,
}

// readRecord reads an order; one that is marked as cancelled is told to be CANCELLED.
func readRecord(state, payload, mark string) (checkout.Record, error) {
	order, err := ticketing.DecodeOrder([]byte(payload))
	if err != nil {
		return checkout.Record{}, err
	}
	record := checkout.Record{Order: order, State: ticketing.State(state)}
	if mark != "" && record.State != ticketing.StateRefused {
		record.State = ticketing.StateCancelled
	}
	record.Order.Cancelled = record.State == ticketing.StateCancelled
	return record, nil
}

// Accept implements checkout.Reservations.
func (r *Reservations) Accept(ctx context.Context, ids ...ticketing.OrderID) error {
	return r.accept(ctx, "order", ids)
}

// accept notes that the broker has what each of the ids stands for: 'order' or 'cancel'.
func (r *Reservations) accept(ctx context.Context, what string, ids []ticketing.OrderID) error {
	ctx, cancel := context.WithTimeout(ctx, slowTimeout)
	defer cancel()
	for chunk := range slices.Chunk(ids, idsPerCall) {
		keys, args := []string{keyOutbox, keyAccepted}, []any{what}
		for _, id := range chunk {
			keys, args = append(keys, orderKeyOf(id)), append(args, string(id))
		}
		if _, err := scriptAccept.run(ctx, r.slow, keys, args...); err != nil {
			return fmt.Errorf("accept %d orders: %w", len(ids), err)
		}
	}
	return nil
}

// Lookup implements checkout.Reservations.
func (r *Reservations) Lookup(ctx context.Context, id ticketing.OrderID) (checkout.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, reserveTimeout)
	defer cancel()
	fields, err := r.client.HMGet(ctx, orderKeyOf(id), "state", "payload", "cancel").Result()
	if err != nil {
		return checkout.Record{}, fmt.Errorf("look up %s: %w", id, unavailable(err))
	}
	state, found := fields[0].(string)
	payload, complete := fields[1].(string)
	if !found || !complete {
		return checkout.Record{}, fmt.Errorf("look up %s: %w", id, checkout.ErrNotFound)
	}
	mark, _ := fields[2].(string)
	record, err := readRecord(state, payload, mark)
	if err != nil {
		return checkout.Record{}, fmt.Errorf("look up %s: %w", id, unavailable(err))
	}
	return record, nil
}

// Claim implements checkout.Outbox. What another version of this code wrote and this
// one cannot read is left for that version; the error comes only where nothing else was claimed.
func (r *Reservations) Claim(ctx context.Context, age time.Duration, limit int) ([]ticketing.Order, error) {
	ctx, cancel := context.WithTimeout(ctx, slowTimeout)
	defer cancel()
	reply, err := scriptClaim.run(ctx, r.slow, []string{keyOutbox}, age.Milliseconds(), limit, orderPrefix)
	if err != nil {
		return nil, fmt.Errorf("claim up to %d orders: %w", limit, err)
	}
	words, err := toStrings(reply)
	if err != nil || len(words)%2 != 0 {
		return nil, fmt.Errorf("claim up to %d orders: %w", limit, classify(fmt.Errorf("unreadable answer: %w", err), true))
	}
	var orders []ticketing.Order
	var unreadable error
	for pair := range slices.Chunk(words, 2) {
		order, err := ticketing.DecodeOrder([]byte(pair[0]))
		if err != nil {
			unreadable = err
			continue
		}
		if mark := pair[1]; mark != "" {
			order.Cancelled, order.Epoch = true, mark
		}
		orders = append(orders, order)
	}
	if len(orders) == 0 && unreadable != nil {
		return nil, fmt.Errorf("claim: none of %d orders is readable: %w", len(words)/2, unreadable)
	}
	return orders, nil
}

// toStrings reads an array of strings from a script's answer.
func toStrings(reply any) ([]string, error) {
	values, ok := reply.([]any)
	if !ok {
		return nil, fmt.Errorf("want an array, got %T", reply)
	}
	words := make([]string, len(values))
	for i, value := range values {
		word, ok := value.(string)
		if !ok {
			return nil, fmt.Errorf("want strings, got %T", value)
		}
		words[i] = word
	}
	return words, nil
}
