package postgres

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
)

// TestClassify: only what a batch contains may be blamed for an error; a mistake the
// other way round would park good orders while the database is away.
func TestClassify(t *testing.T) {
	t.Parallel()
	server := func(code, constraint string) error {
		return fmt.Errorf("insert: %w", &pgconn.PgError{Code: code, ConstraintName: constraint, Message: "m"})
	}
	for name, tc := range map[string]struct {
		err      error
		rejected bool
		spoils   bool
	}{
		"connection failure":      {err: server("08006", "")},
		"cached plan":             {err: server("0A000", "")},
		"number out of range":     {err: server("22003", ""), rejected: true},
		"invalid text":            {err: server("22021", ""), rejected: true},
		"not null":                {err: server("23502", ""), rejected: true},
		"unknown tier":            {err: server("23503", "orders_event_id_tier_id_fkey"), rejected: true},
		"check":                   {err: server("23514", "tiers_sold_within_capacity"), rejected: true},
		"duplicate ticket":        {err: server("23505", "tickets_pkey"), rejected: true},
		"the order's own key":     {err: server("23505", "orders_pkey")},
		"read-only":               {err: server("25006", ""), spoils: true},
		"idle in transaction":     {err: server("25P03", "")},
		"wrong password":          {err: server("28P01", "")},
		"serialization":           {err: server("40001", "")},
		"deadlock":                {err: server("40P01", "")},
		"no such table":           {err: server("42P01", "")},
		"disk full":               {err: server("53100", "")},
		"too many connections":    {err: server("53300", "")},
		"statement timeout":       {err: server("57014", "")},
		"shutdown":                {err: server("57P01", ""), spoils: true},
		"crash":                   {err: server("57P02", ""), spoils: true},
		"starting up":             {err: server("57P03", ""), spoils: true},
		"internal":                {err: server("XX000", "")},
		"no code":                 {err: server("", "")},
		"deadline":                {err: context.DeadlineExceeded},
		"commit's answer is lost": {err: fmt.Errorf("commit: %w", errors.New("unexpected EOF"))},
		"rejected already":        {err: &fulfil.RejectedError{Err: errors.New("no such tier")}, rejected: true},
	} {
		err := classify(tc.err)
		var rejected *fulfil.RejectedError
		if got := errors.As(err, &rejected); got != tc.rejected {
			t.Errorf("%s: rejected=%t, want %t: %v", name, got, tc.rejected, err)
		}
		for _, sentinel := range []error{fulfil.ErrUnavailable, checkout.ErrUnavailable} {
			if got := errors.Is(err, sentinel); got == tc.rejected {
				t.Errorf("%s: is %q %t, want %t: %v", name, sentinel, got, !tc.rejected, err)
			}
		}
		if !errors.Is(err, tc.err) {
			t.Errorf("%s: the cause is lost: %v", name, err)
		}
		if got := spoils(tc.err); got != tc.spoils {
			t.Errorf("%s: spoils its connection=%t, want %t", name, got, tc.spoils)
		}
	}
	if err := classify(nil); err != nil {
		t.Errorf("no error became %v", err)
	}
}
