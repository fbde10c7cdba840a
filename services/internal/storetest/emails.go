package storetest

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/eventflow-dev/eventflow/services/consumer/fulfil"
	"github.com/eventflow-dev/eventflow/services/consumer/notify"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

const lease = time.Minute

func testEmails(t *testing.T, l Ledger) {
	t.Helper()
	confirmed, refused := NewOrder(general, 2), NewOrder(pit, capacityOf+1)
	confirmed.Epoch, refused.Epoch = "", "" // the books do not keep it
	for range 2 {
		have[[]fulfil.Settlement](t)(l.Commit(t.Context(), []ticketing.Order{confirmed, refused}))
	}
	byKind := map[notify.Kind]notify.Email{}
	claimed := have[[]notify.Email](t)(l.Emails.ClaimDue(t.Context(), 10, lease))
	for _, e := range claimed {
		byKind[e.ID.Kind] = e
	}
	events := Catalog()
	want := map[notify.Kind]notify.Email{
		notify.KindConfirmation: {
			ID: notify.EmailID{OrderID: confirmed.ID, Kind: notify.KindConfirmation}, Order: confirmed, Attempt: 1,
			EventName: "Aurora", Venue: "Teatro Real", StartsAt: events[1].StartsAt, TierName: "General",
		},
		notify.KindRefusal: {
			ID: notify.EmailID{OrderID: refused.ID, Kind: notify.KindRefusal}, Order: refused, Attempt: 1,
			EventName: "Boreas", Venue: "Old Harbour", StartsAt: events[0].StartsAt, TierName: "Pit",
		},
	}
	if diff := cmp.Diff(want, byKind); diff != "" || len(claimed) != 2 {
		t.Errorf("%d e-mails (-want +got):\n%s", len(claimed), diff)
	}
}

func testEmailLease(t *testing.T, l Ledger) {
	t.Helper()
	have[[]fulfil.Settlement](t)(l.Commit(t.Context(), newOrders(3, general, 1)))
	first := claimEmails(t, l, 2)
	if len(first) != 2 {
		t.Fatalf("claimed %d, want the limit of 2", len(first))
	}
	if rest := claimEmails(t, l, 10); len(rest) != 1 {
		t.Fatalf("claimed %d, want the 1 that is not leased", len(rest))
	}
	must(t, l.Emails.MarkSent(t.Context(), []notify.EmailID{first[0].ID, {OrderID: "unknown", Kind: notify.KindRefusal}}))
	l.Elapse(t, lease/2)
	if early := claimEmails(t, l, 10); len(early) != 0 {
		t.Errorf("claimed %d before a lease ended", len(early))
	}
	l.Elapse(t, lease)
	again := claimEmails(t, l, 10)
	if len(again) != 2 {
		t.Fatalf("claimed %d after the leases, want the 2 unsent", len(again))
	}
	for _, e := range again {
		if e.Attempt != 2 || e.ID == first[0].ID {
			t.Errorf("got %v at attempt %d, want an unsent one at its second", e.ID, e.Attempt)
		}
	}
}

func testEmailFailures(t *testing.T, l Ledger) {
	t.Helper()
	have[[]fulfil.Settlement](t)(l.Commit(t.Context(), newOrders(2, general, 1)))
	claimed := claimEmails(t, l, 10)
	must(t, l.Emails.MarkFailed(t.Context(), []notify.Failure{
		{ID: claimed[0].ID, Reason: "mailbox does not exist"},
		{ID: claimed[1].ID, Reason: "server is busy", RetryAfter: 2 * lease},
		{ID: notify.EmailID{OrderID: NewOrder(general, 1).ID, Kind: notify.KindRefusal}, Reason: "unknown"},
	}))
	l.Elapse(t, lease+lease/2)
	if early := claimEmails(t, l, 10); len(early) != 0 {
		t.Errorf("claimed %d before the pause ended", len(early))
	}
	l.Elapse(t, lease)
	due := claimEmails(t, l, 10)
	if len(due) != 1 || due[0].ID != claimed[1].ID || due[0].Attempt != 2 {
		t.Errorf("got %v, want only the one that was to be tried again", due)
	}
}

func testEmailParallelClaims(t *testing.T, l Ledger) {
	t.Helper()
	have[[]fulfil.Settlement](t)(l.Commit(t.Context(), newOrders(60, general, 1)))
	var group sync.WaitGroup
	var mu sync.Mutex
	seen := map[notify.EmailID]int{}
	for range 6 {
		group.Go(func() {
			for range 20 {
				emails, err := l.Emails.ClaimDue(t.Context(), 5, lease)
				if err != nil {
					t.Errorf("claim: %v", err)
				}
				mu.Lock()
				for _, e := range emails {
					seen[e.ID]++
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	for id, times := range seen {
		if times != 1 {
			t.Errorf("%v was claimed %d times", id, times)
		}
	}
	if len(seen) != 60 {
		t.Errorf("claimed %d e-mails, want 60", len(seen))
	}
}

func claimEmails(t *testing.T, l Ledger, limit int) []notify.Email {
	t.Helper()
	return have[[]notify.Email](t)(l.Emails.ClaimDue(t.Context(), limit, lease))
}
