package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/eventflow-dev/eventflow/services/consumer/opening"
	"github.com/eventflow-dev/eventflow/services/purchase/storefront"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

var (
	_ storefront.Shelf = (*Shelf)(nil)
	_ opening.Stock    = (*Shelf)(nil)
)

// Shelf is what is on sale: the pools, the catalog for readers, and whether the sale is open.
type Shelf struct{ client redis.UniversalClient }

// NewShelf returns the shelf of the arbiter behind client.
func NewShelf(client *redis.Client) *Shelf { return &Shelf{client: client.WithTimeout(slowTimeout)} }

// catalogDocument is the catalog as readers find it.
type catalogDocument struct {
	At     time.Time         `json:"at"`
	Events []ticketing.Event `json:"events"`
}

// Shelf implements storefront.Shelf.
func (s *Shelf) Shelf(ctx context.Context) (storefront.ShelfState, error) {
	ctx, cancel := context.WithTimeout(ctx, slowTimeout)
	defer cancel()
	var (
		strs  *redis.SliceCmd
		stock *redis.MapStringStringCmd
		wait  *redis.IntCmd
	)
	_, err := s.client.TxPipelined(ctx, func(tx redis.Pipeliner) error {
		strs = tx.MGet(ctx, keyEpoch, keyCatalog, keyPaused)
		stock = tx.HGetAll(ctx, keyStock)
		wait = tx.ZCard(ctx, keyOutbox)
		return nil
	})
	if err != nil {
		return storefront.ShelfState{}, fmt.Errorf("read the shelf: %w", unavailable(err))
	}
	state, err := readShelf(strs.Val(), stock.Val())
	if err != nil {
		return storefront.ShelfState{}, fmt.Errorf("read the shelf: %w", unavailable(err))
	}
	state.Outbox = int(wait.Val())
	return state, nil
}

func readShelf(values []any, stock map[string]string) (storefront.ShelfState, error) {
	var state storefront.ShelfState
	state.Epoch, _ = values[0].(string)
	if text, found := values[1].(string); found {
		var document catalogDocument
		if err := json.Unmarshal([]byte(text), &document); err != nil {
			return state, fmt.Errorf("catalog: %w", err)
		}
		state.Events, state.CatalogAt = document.Events, document.At
	}
	_, state.ConsumerPaused = values[2].(string)
	state.Stock = make(map[ticketing.TierKey]int, len(stock))
	for name, text := range stock {
		left, err := strconv.Atoi(text)
		if err != nil {
			return state, fmt.Errorf("stock of %s: %w", name, err)
		}
		state.Stock[tierKeyOf(name)] = left
	}
	return state, nil
}

// tierKeyOf reads what ticketing.TierKey.String wrote.
func tierKeyOf(name string) ticketing.TierKey {
	event, tier, _ := strings.Cut(name, "/")
	return ticketing.TierKey{EventID: event, TierID: tier}
}

// Epoch implements opening.Stock.
func (s *Shelf) Epoch(ctx context.Context) (string, error) {
	return readEpoch(ctx, s.client, slowTimeout)
}

// readEpoch returns the epoch that the arbiter is open in, "" where it is not open.
func readEpoch(ctx context.Context, client redis.UniversalClient, within time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	epoch, err := client.Get(ctx, keyEpoch).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return "", fmt.Errorf("read the epoch: %w", unavailable(err))
	}
	return epoch, nil
}

// document renders the catalog for readers, with the arbiter's time.
func (s *Shelf) document(ctx context.Context, events []ticketing.Event) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, slowTimeout)
	defer cancel()
	now, err := s.client.Time(ctx).Result()
	if err != nil {
		return nil, unavailable(err)
	}
	return json.Marshal(catalogDocument{At: now.UTC(), Events: events})
}

// Stock implements opening.Stock. Repeating it changes nothing.
func (s *Shelf) Stock(ctx context.Context, events []ticketing.Event) error {
	ctx, cancel := context.WithTimeout(ctx, 2*slowTimeout)
	defer cancel()
	document, err := s.document(ctx, events)
	if err != nil {
		return fmt.Errorf("stock %d events: %w", len(events), err)
	}
	capacities, rules := stockArguments(events)
	args := slices.Concat([]any{document, len(capacities) / 2}, capacities, rules)
	reply, err := scriptStock.run(ctx, s.client, []string{keyStock, keyCapacity, keyCatalog, keyRules}, args...)
	if err != nil {
		return fmt.Errorf("stock %d events: %w", len(events), err)
	}
	words, err := toStrings(reply)
	switch {
	case err != nil:
		return fmt.Errorf("stock %d events: %w", len(events), err)
	case len(words) == 3 && words[0] == "TOO_FEW":
		return fmt.Errorf("stock %s: its capacity is %s below what is held and sold", words[1], words[2])
	}
	return nil
}

// stockArguments returns each tier with its capacity, and each rule with its name.
func stockArguments(events []ticketing.Event) (capacities, rules []any) {
	for _, e := range events {
		for _, t := range e.Tiers {
			key := ticketing.TierKey{EventID: e.ID, TierID: t.ID}
			capacities = append(capacities, key.String(), t.Capacity)
			rules = append(rules, key.String(), ruleOf(e.SalesOpen, e.SalesClose, t.MaxPerBuyer))
			for _, p := range e.PromoCodes {
				if p.For(t.ID) {
					rules = append(rules, promoRuleFieldOf(key, p.Code), ruleOf(p.ValidFrom, p.ValidUntil, p.MaxUses))
				}
			}
		}
	}
	return capacities, rules
}
