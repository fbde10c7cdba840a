package httpapi

import (
	"time"

	"github.com/eventflow-dev/eventflow/services/analytics/report"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// freshness says where an answer comes from and how old it is.
type freshness struct {
	AsOf   time.Time     `json:"as_of"`
	Source report.Source `json:"source"`
	Stale  bool          `json:"stale"`
}

type totalsBody struct {
	Orders  int64 `json:"orders"`
	Tickets int64 `json:"tickets"`
	// Revenue has one amount for each currency.
	Revenue []ticketing.Money `json:"revenue"`
	// Incomplete counts orders whose revenue the books do not have.
	Incomplete int64 `json:"incomplete"`
}

// pendingBody is what is accepted and not in the books yet. Its numbers are null, and
// not zero, where they are not known.
type pendingBody struct {
	Known   bool              `json:"pending_known"`
	Orders  *int64            `json:"pending_orders"`
	Tickets *int64            `json:"pending_tickets"`
	Revenue []ticketing.Money `json:"pending_revenue"`
}

type tierBody struct {
	ID string `json:"tier"`
	totalsBody
}

type eventBody struct {
	ID   string `json:"event_id"`
	Name string `json:"name"`
	totalsBody
	pendingBody
	Tiers []tierBody `json:"tiers"`
}

type revenueBody struct {
	freshness
	totalsBody
	pendingBody
}

type eventsBody struct {
	revenueBody
	Events []eventBody `json:"events"`
}

type oneEventBody struct {
	freshness
	eventBody
}

func newFreshness(r report.Report) freshness {
	return freshness{AsOf: r.AsOf.UTC(), Source: r.Source, Stale: r.Stale}
}

func newTotalsBody(t report.Totals) totalsBody {
	return totalsBody{Orders: t.Orders, Tickets: t.Tickets, Revenue: t.Revenue, Incomplete: t.Incomplete}
}

func newPendingBody(o *report.Outstanding) pendingBody {
	if o == nil {
		return pendingBody{}
	}
	return pendingBody{Known: true, Orders: &o.Orders, Tickets: &o.Tickets, Revenue: o.Revenue}
}

func newRevenueBody(r report.Report) revenueBody {
	return revenueBody{newFreshness(r), newTotalsBody(r.Totals), newPendingBody(r.Outstanding)}
}

func newEventsBody(r report.Report) eventsBody {
	body := eventsBody{revenueBody: newRevenueBody(r), Events: make([]eventBody, len(r.Events))}
	for i, e := range r.Events {
		body.Events[i] = newEventBody(e)
	}
	return body
}

func newOneEventBody(e report.Event, r report.Report) oneEventBody {
	return oneEventBody{newFreshness(r), newEventBody(e)}
}

func newEventBody(e report.Event) eventBody {
	body := eventBody{
		ID: e.ID, Name: e.Name, totalsBody: newTotalsBody(e.Totals), pendingBody: newPendingBody(e.Outstanding),
		Tiers: make([]tierBody, len(e.Tiers)),
	}
	for i, t := range e.Tiers {
		body.Tiers[i] = tierBody{ID: t.ID, totalsBody: newTotalsBody(t.Totals)}
	}
	return body
}
