package checkout

import (
	"context"
	"errors"
	"fmt"

	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// Order returns the order with its present state: from the arbiter, which knows every
// live order, else from the ledger, which keeps the settled ones for good. It is not
// found only where both have answered that they have no such order.
func (s *Service) Order(ctx context.Context, id ticketing.OrderID) (Record, error) {
	record, arbiterErr := lookup(ctx, s.d.Reservations.Lookup, id)
	if arbiterErr == nil {
		return record, nil
	}
	record, ledgerErr := lookup(ctx, s.d.Ledger.Lookup, id)
	switch {
	case ledgerErr == nil:
		return record, nil
	case errors.Is(arbiterErr, ErrNotFound) && errors.Is(ledgerErr, ErrNotFound):
		return Record{}, unknownOrder(id)
	default:
		return Record{}, unavailable("a store that may have the order cannot be reached", errors.Join(arbiterErr, ledgerErr))
	}
}

func unknownOrder(id ticketing.OrderID) error {
	return &ticketing.Error{Code: ticketing.CodeUnknownOrder, Message: fmt.Sprintf("there is no order %s", id)}
}

func lookup(ctx context.Context, in func(context.Context, ticketing.OrderID) (Record, error), id ticketing.OrderID) (Record, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	return in(ctx, id)
}
