package postgres

import (
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
)

// SQLSTATE classes and codes that decide what an error means, from appendix A of the
// PostgreSQL manual.
const (
	classDataException       = "22"
	classIntegrityConstraint = "23"
	codeUniqueViolation      = "23505"
	codeReadOnlyTransaction  = "25006"
	codeAdminShutdown        = "57P01"
	codeCrashShutdown        = "57P02"
	codeCannotConnectNow     = "57P03"
	codeIdleSessionTimeout   = "57P05"

	// ordersKey is the constraint that makes an order's commit idempotent.
	ordersKey = "orders_pkey"
)

// classify says what an error of the driver or the server means. Only what a batch
// contains can reject it. Everything else wraps ErrUnavailable, a lost answer to a COMMIT
// included: the batch is committed again, which is harmless. It wraps the purchase side's
// ErrUnavailable as well, since reads through the same adapter changed nothing.
func classify(err error) error {
	var rejected *fulfil.RejectedError
	if err == nil || errors.As(err, &rejected) {
		return err
	}
	var server *pgconn.PgError
	if errors.As(err, &server) && blamesContent(server) {
		return &fulfil.RejectedError{Err: err}
	}
	return unavailableError{err}
}

func blamesContent(e *pgconn.PgError) bool {
	if len(e.Code) < 2 || e.Code == codeUniqueViolation && e.ConstraintName == ordersKey {
		return false
	}
	class := e.Code[:2]
	return class == classDataException || class == classIntegrityConstraint
}

// spoils reports whether the error says that its connection will go on failing: the
// server behind it shuts down, starts up, or has become a read-only replica.
func spoils(err error) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && slices.Contains([]string{
		codeReadOnlyTransaction, codeAdminShutdown, codeCrashShutdown, codeCannotConnectNow, codeIdleSessionTimeout,
	}, server.Code)
}

// unavailableError is an error of the ledger that says nothing about the request. Both
// sides of the ledger have their own name for it.
type unavailableError struct{ err error }

func (e unavailableError) Error() string {
	return fmt.Sprintf("%v: %v", fulfil.ErrUnavailable, e.err)
}

func (e unavailableError) Unwrap() []error {
	return []error{fulfil.ErrUnavailable, checkout.ErrUnavailable, e.err}
}
