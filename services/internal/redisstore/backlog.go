package redisstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/eventflow-dev/eventflow/services/analytics/report"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

var _ report.Backlog = (*Backlog)(nil)

// Backlog reads what the arbiter holds seats for and the ledger does not have yet.
type Backlog struct{ client redis.UniversalClient }

// NewBacklog returns the backlog of the arbiter behind client.
func NewBacklog(client *redis.Client) *Backlog {
	return &Backlog{client: client.WithTimeout(slowTimeout)}
}

// Pending implements report.Backlog.
func (b *Backlog) Pending(ctx context.Context) ([]report.Pending, error) {
	ctx, cancel := context.WithTimeout(ctx, slowTimeout)
	defer cancel()
	fields, err := b.client.HGetAll(ctx, keyPending).Result()
	if err != nil {
		return nil, fmt.Errorf("read what is pending: %w", unavailable(err))
	}
	pending, err := readPending(fields)
	if err != nil {
		return nil, fmt.Errorf("read what is pending: %w", err)
	}
	return pending, nil
}

func readPending(fields map[string]string) ([]report.Pending, error) {
	byTier := map[ticketing.TierKey]report.Pending{}
	for name, text := range fields {
		tier, what, _ := strings.Cut(name, ":")
		key := tierKeyOf(tier)
		p := byTier[key]
		p.Tier = key
		if what == "currency" {
			p.Revenue.Currency = text
			byTier[key] = p
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		switch what {
		case "orders":
			p.Orders = n
		case "tickets":
			p.Tickets = n
		case "amount":
			p.Revenue.Amount = n
		}
		byTier[key] = p
	}
	var pending []report.Pending
	for _, p := range byTier {
		if p.Orders > 0 {
			pending = append(pending, p)
		}
	}
	slices.SortFunc(pending, func(x, y report.Pending) int { return cmp.Compare(x.Tier.String(), y.Tier.String()) })
	return pending, nil
}
