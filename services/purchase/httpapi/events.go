package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/eventflow-dev/eventflow/services/purchase/storefront"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// eventsCaching lets caches serve what is on sale while the shop is slow or away (RFC 5861).
const eventsCaching = "public, max-age=2, stale-while-revalidate=30, stale-if-error=86400"

// freshness says where an answer comes from and how old it is.
type freshness struct {
	AsOf   time.Time         `json:"as_of"`
	Source storefront.Source `json:"source"`
	Stale  bool              `json:"stale"`
}

type eventsBody struct {
	Events []eventBody `json:"events"`
	freshness
}

type oneEventBody struct {
	eventBody
	freshness
}

type eventBody struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Venue      string     `json:"venue"`
	StartsAt   time.Time  `json:"starts_at"`
	SalesOpen  time.Time  `json:"sales_open,omitzero"`
	SalesClose time.Time  `json:"sales_close,omitzero"`
	Tiers      []tierBody `json:"tiers"`
}

// tierBody shows a tier. Promo codes are shown nowhere.
type tierBody struct {
	ID             string          `json:"id"`
	Name           string          `json:"name"`
	Price          ticketing.Money `json:"price"`
	Fee            ticketing.Money `json:"fee"`
	TaxBasisPoints int             `json:"tax_basis_points"`
	// UnitTotal is what one ticket costs with everything in it.
	UnitTotal   ticketing.Money `json:"unit_total"`
	Capacity    int             `json:"capacity"`
	MaxPerOrder int             `json:"max_per_order"`
	// MaxPerBuyer is left out where there is no limit.
	MaxPerBuyer int `json:"max_per_buyer,omitempty"`
	// Available is null while the pod has never been told.
	Available *int `json:"available"`
}

// pages are the answers made of one snapshot. A snapshot lives for a second and is asked
// for many times.
type pages struct {
	of     *storefront.Snapshot
	events []byte
	event  map[string][]byte
}

type pageCache struct{ current atomic.Pointer[pages] }

// get returns the pages of the snapshot. Two requests may both make them: no harm.
func (p *pageCache) get(s *storefront.Snapshot) (*pages, error) {
	if current := p.current.Load(); current != nil && current.of == s {
		return current, nil
	}
	made, err := newPages(s)
	if err != nil {
		return nil, err
	}
	p.current.Store(made)
	return made, nil
}

func newPages(s *storefront.Snapshot) (*pages, error) {
	fresh := freshness{AsOf: s.AsOf, Source: s.Source, Stale: s.Stale}
	all := eventsBody{Events: make([]eventBody, len(s.Events)), freshness: fresh}
	made := &pages{of: s, event: make(map[string][]byte, len(s.Events))}
	var err error
	for i, event := range s.Events {
		if all.Events[i], err = newEventBody(event, s); err != nil {
			return nil, fmt.Errorf("show event %q: %w", event.ID, err)
		}
		if made.event[event.ID], err = page(oneEventBody{all.Events[i], fresh}); err != nil {
			return nil, fmt.Errorf("encode event %q: %w", event.ID, err)
		}
	}
	if made.events, err = page(all); err != nil {
		return nil, fmt.Errorf("encode the events: %w", err)
	}
	return made, nil
}

func page(body any) ([]byte, error) {
	encoded, err := json.Marshal(body)
	return append(encoded, '\n'), err
}

func newEventBody(e ticketing.Event, s *storefront.Snapshot) (eventBody, error) {
	body := eventBody{
		ID: e.ID, Name: e.Name, Venue: e.Venue, StartsAt: e.StartsAt,
		SalesOpen: e.SalesOpen, SalesClose: e.SalesClose, Tiers: make([]tierBody, len(e.Tiers)),
	}
	for i, t := range e.Tiers {
		one, err := ticketing.PriceOf(t, nil, 1)
		if err != nil {
			return eventBody{}, err
		}
		body.Tiers[i] = tierBody{
			ID: t.ID, Name: t.Name, Price: t.Price, Fee: ticketing.Money{Amount: t.Fee, Currency: t.Price.Currency},
			TaxBasisPoints: t.TaxBasisPoints, UnitTotal: ticketing.Money{Amount: one.Total, Currency: one.Currency},
			Capacity: t.Capacity, MaxPerOrder: t.Limit(), MaxPerBuyer: t.MaxPerBuyer,
		}
		if n, known := s.Available(ticketing.TierKey{EventID: e.ID, TierID: t.ID}); known {
			body.Tiers[i].Available = &n
		}
	}
	return body, nil
}

// events shows everything that is on sale.
func (a *api) events(c *gin.Context) {
	a.show(c, func(p *pages) ([]byte, bool) { return p.events, true })
}

// event shows one event.
func (a *api) event(c *gin.Context) {
	a.show(c, func(p *pages) ([]byte, bool) {
		body, found := p.event[c.Param("id")]
		return body, found
	})
}

// show answers with a page of the present snapshot.
func (a *api) show(c *gin.Context, pick func(*pages) ([]byte, bool)) {
	snapshot := a.d.Front.Snapshot()
	if !snapshot.Loaded() {
		a.fail(c, &ticketing.Error{
			Code: ticketing.CodeStoreUnavailable, RetryAfter: time.Second,
			Message: "what is on sale is not known yet: no store has answered since this pod started",
		})
		return
	}
	p, err := a.pages.get(snapshot)
	if err != nil {
		a.fail(c, err)
		return
	}
	body, found := pick(p)
	if !found {
		a.fail(c, &ticketing.Error{Code: ticketing.CodeUnknownEvent, Message: fmt.Sprintf("there is no event %q", c.Param("id"))})
		return
	}
	header := c.Writer.Header()
	header.Set("Age", strconv.Itoa(max(0, int(a.d.Clock().Sub(snapshot.AsOf).Seconds()))))
	header.Set("Cache-Control", eventsCaching)
	c.Data(http.StatusOK, "application/json", body)
}
