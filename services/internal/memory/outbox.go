package memory

import (
	"context"
	"slices"
	"time"

	"github.com/eventflow-dev/eventflow/services/consumer/notify"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

var _ notify.Outbox = (*Ledger)(nil)

// outboxEmail is one row of the e-mail outbox.
type outboxEmail struct {
	id      notify.EmailID
	attempt int
	due     time.Time
	sent    bool
	failed  bool
	reason  string
}

func (l *Ledger) addEmailLocked(o ticketing.Order, state ticketing.State) {
	kind := notify.KindConfirmation
	switch state {
	case ticketing.StateRefused:
		kind = notify.KindRefusal
	case ticketing.StateCancelled:
		kind = notify.KindCancellation
	default:
	}
	l.emails = append(l.emails, &outboxEmail{id: notify.EmailID{OrderID: o.ID, Kind: kind}, due: l.clock()})
}

// dropConfirmationLocked forgets a confirmation that nobody has sent.
func (l *Ledger) dropConfirmationLocked(id ticketing.OrderID) {
	l.emails = slices.DeleteFunc(l.emails, func(e *outboxEmail) bool {
		return e.id == notify.EmailID{OrderID: id, Kind: notify.KindConfirmation} && !e.sent
	})
}

// ClaimDue implements notify.Outbox.
func (l *Ledger) ClaimDue(_ context.Context, limit int, lease time.Duration) ([]notify.Email, error) {
	var claimed []notify.Email
	err := l.change(func() error {
		now := l.clock()
		due := slices.DeleteFunc(slices.Clone(l.emails), func(e *outboxEmail) bool {
			return e.sent || e.failed || e.due.After(now)
		})
		slices.SortStableFunc(due, func(a, b *outboxEmail) int { return a.due.Compare(b.due) })
		for _, e := range due[:min(limit, len(due))] {
			e.attempt++
			e.due = now.Add(lease)
			claimed = append(claimed, l.emailLocked(e))
		}
		return nil
	})
	return claimed, err
}

func (l *Ledger) emailLocked(e *outboxEmail) notify.Email {
	order := l.orders[e.id.OrderID].Order
	email := notify.Email{ID: e.id, Order: order, Attempt: e.attempt}
	if event, found := l.eventLocked(order.EventID); found {
		email.EventName, email.Venue, email.StartsAt = event.Name, event.Venue, event.StartsAt
	}
	if tier, found := l.tierLocked(order.Tier()); found {
		email.TierName = tier.Name
	}
	return email
}

// MarkSent implements notify.Outbox.
func (l *Ledger) MarkSent(_ context.Context, ids []notify.EmailID) error {
	return l.change(func() error {
		for _, e := range l.emails {
			if slices.Contains(ids, e.id) {
				e.sent = true
			}
		}
		return nil
	})
}

// MarkFailed implements notify.Outbox.
func (l *Ledger) MarkFailed(_ context.Context, failures []notify.Failure) error {
	return l.change(func() error {
		for _, f := range failures {
			for _, e := range l.emails {
				if e.id != f.ID || e.sent {
					continue
				}
				e.reason = f.Reason
				e.failed = f.RetryAfter == 0
				e.due = l.clock().Add(f.RetryAfter)
			}
		}
		return nil
	})
}
