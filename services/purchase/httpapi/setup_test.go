package httpapi_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/eventflow-dev/eventflow/services/internal/httpserver"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/purchase/httpapi"
	"github.com/eventflow-dev/eventflow/services/purchase/receipt"
	"github.com/eventflow-dev/eventflow/services/purchase/storefront"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	orderID = ticketing.OrderID("3d3bd863-f5f4-83ba-b4d5-2123377c6955")
	good    = `{"event_id":"aurora","tier":"general","quantity":2,"email":"ada@example.com","name":"Ada","promo_code":"EARLY","locale":"es"}`
	// goodCancel cancels what good bought.
	goodCancel = `{"email":"ada@example.com"}`
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// shop answers what the test says, and remembers what it was asked.
type shop struct {
	record checkout.Record
	err    error
	panics any
	// entered, where set, is told of each purchase, which then waits for release.
	entered, release chan struct{}

	mu     sync.Mutex
	bought ticketing.Purchase
	key    checkout.Key
	wait   time.Duration
	calls  int
	// asked and email are what was to be cancelled, and for whom.
	asked ticketing.OrderID
	email string
}

func (s *shop) Buy(_ context.Context, p ticketing.Purchase, key checkout.Key, wait time.Duration) (checkout.Record, error) {
	if s.entered != nil {
		s.entered <- struct{}{}
		<-s.release
	}
	if s.panics != nil {
		panic(s.panics)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bought, s.key, s.wait = p, key, wait
	s.calls++
	return s.record, s.err
}

func (s *shop) Cancel(_ context.Context, id ticketing.OrderID, email string, wait time.Duration) (checkout.Cancelled, error) {
	if s.entered != nil {
		s.entered <- struct{}{}
		<-s.release
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked, s.email, s.wait = id, email, wait
	s.calls++
	return checkout.Cancelled{Order: s.record.Order, Settled: s.record.State.Settled()}, s.err
}

func (s *shop) Check(p ticketing.Purchase) []ticketing.FieldError {
	_, err := ticketing.Place(p, aurora(), p.EventID == "aurora", noon)
	if e, ok := errors.AsType[*ticketing.Error](err); ok {
		return e.Fields
	}
	return nil
}

func (s *shop) Order(context.Context, ticketing.OrderID) (checkout.Record, error) {
	s.calls++
	return s.record, s.err
}

// front shows one snapshot and one status.
type front struct {
	snapshot *storefront.Snapshot
	status   storefront.Status
}

func (f *front) Snapshot() *storefront.Snapshot { return f.snapshot }
func (f *front) Status() storefront.Status      { return f.status }

// brokenReceipts cannot sign.
type brokenReceipts struct{ httpapi.Receipts }

func (brokenReceipts) Sign(ticketing.Order) (string, error) { return "", io.ErrUnexpectedEOF }

func aurora() ticketing.Event {
	return ticketing.Event{
		ID: "aurora", Name: "Aurora", Venue: "Old Harbour", StartsAt: noon.AddDate(0, 1, 0), SalesOpen: noon.AddDate(0, -1, 0),
		Tiers: []ticketing.Tier{
			{ID: "general", Name: "General", Price: ticketing.Money{Amount: 4500, Currency: "EUR"}, Capacity: 100, MaxPerOrder: 4},
			{
				ID: "vip", Name: "VIP", Price: ticketing.Money{Amount: 12000, Currency: "EUR"}, Capacity: 10,
				Fee: 350, TaxBasisPoints: 2100, MaxPerBuyer: 6,
			},
		},
		PromoCodes: []ticketing.PromoCode{{Code: "EARLY", PercentOff: 10}},
	}
}

func snapshot() *storefront.Snapshot {
	s := storefront.NewSnapshot([]ticketing.Event{aurora()}, map[ticketing.TierKey]int{{EventID: "aurora", TierID: "general"}: 98})
	s.AsOf, s.Source, s.Stale = noon.Add(-90*time.Second), storefront.Redis, true
	return s
}

func record(state ticketing.State) checkout.Record {
	return checkout.Record{State: state, Order: ticketing.Order{
		ID: orderID, EventID: "aurora", TierID: "general", Quantity: 2,
		Buyer:     ticketing.Buyer{Email: "ada@example.com", Name: "Ada", Locale: "es"},
		PromoCode: "EARLY", Total: ticketing.Money{Amount: 8100, Currency: "EUR"},
		Price:    ticketing.Price{Subtotal: 9000, Discount: 900, Total: 8100, Currency: "EUR"},
		PlacedAt: noon, Node: "purchase-0",
	}}
}

type fixture struct {
	deps     httpapi.Deps
	shop     *shop
	front    *front
	log      *bytes.Buffer
	registry *prometheus.Registry
	handler  http.Handler
}

// setup returns an API whose shop confirms. change may change the parts first.
func setup(tb testing.TB, change func(*fixture)) *fixture {
	tb.Helper()
	signer, err := receipt.NewSigner(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		tb.Fatal(err)
	}
	f := &fixture{
		shop: &shop{record: record(ticketing.StateConfirmed)}, front: &front{snapshot: snapshot()},
		log: new(bytes.Buffer), registry: prometheus.NewRegistry(),
	}
	f.deps = httpapi.Deps{
		Shop: f.shop, Front: f.front, Receipts: signer, Health: &httpserver.Health{},
		Node: "purchase-0", Version: "v1.0.0", Wait: 300 * time.Millisecond, MaxInFlight: 2, MaxReads: 8,
		Clock:      func() time.Time { return noon },
		Random:     func() float64 { return 0 },
		Logger:     slog.New(slog.NewJSONHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Registerer: f.registry,
	}
	if change != nil {
		change(f)
	}
	f.handler, err = httpapi.New(f.deps)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// request is what a client sends.
type request struct {
	method, path, body string
	header             map[string][]string
}

func post(body string, header ...string) request {
	r := request{method: http.MethodPost, path: "/purchase", body: body, header: map[string][]string{"Content-Type": {"application/json"}}}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Content-Type" {
			delete(r.header, "Content-Type")
		}
		r.header[header[i]] = append(r.header[header[i]], header[i+1])
	}
	return r
}

func cancel(body string, header ...string) request {
	r := post(body, header...)
	r.path = "/orders/" + string(orderID) + "/cancel"
	return r
}

func get(path string) request { return request{method: http.MethodGet, path: path} }

func (f *fixture) do(t *testing.T, r request) *httptest.ResponseRecorder {
	t.Helper()
	httpRequest := httptest.NewRequestWithContext(t.Context(), r.method, r.path, strings.NewReader(r.body))
	for name, values := range r.header {
		if len(values) == 1 && values[0] == "" && name == "Content-Type" {
			continue
		}
		httpRequest.Header[name] = values
	}
	recorder := httptest.NewRecorder()
	f.handler.ServeHTTP(recorder, httpRequest)
	return recorder
}
