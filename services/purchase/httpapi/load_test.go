package httpapi_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/eventflow-dev/eventflow/services/internal/memory"
	"github.com/eventflow-dev/eventflow/services/internal/ratelimit"
	"github.com/eventflow-dev/eventflow/services/purchase/checkout"
	"github.com/eventflow-dev/eventflow/services/purchase/storefront"
	"github.com/eventflow-dev/eventflow/services/ticketing"
)

// stuck is an arbiter that takes reservations and does not answer until it is let go.
type stuck struct {
	*memory.Arbiter
	entered, release chan struct{}
}

func (s *stuck) Reserve(ctx context.Context, r checkout.Reservation) (checkout.Outcome, error) {
	s.entered <- struct{}{}
	<-s.release
	return s.Arbiter.Reserve(ctx, r)
}

// stall is a storefront with one event, on sale.
type stall struct{}

func (stall) Event(id string) (ticketing.Event, bool) { return aurora(), id == aurora().ID }
func (stall) Loaded() bool                            { return true }
func (stall) Paused() bool                            { return true }
func (stall) Err() error                              { return nil }

// stuckShop returns a shop whose arbiter is stuck.
func stuckShop(t *testing.T) (*checkout.Service, *stuck) {
	t.Helper()
	arbiter := &stuck{Arbiter: memory.NewArbiter(time.Now, 1000), entered: make(chan struct{}), release: make(chan struct{})}
	identity, err := checkout.NewIdentity(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	arbiter.OpenSale("epoch-1", aurora())
	broker := memory.NewBroker()
	if err := broker.Admit(t.Context(), "epoch-1"); err != nil {
		t.Fatal(err)
	}
	shop := checkout.New(checkout.Deps{
		Storefront: stall{}, Pipeline: stall{}, Gate: stall{},
		Reservations: arbiter, Publisher: broker, Ledger: memory.NewLedger(time.Now),
		Identity: identity, Node: "purchase-0", Clock: func() time.Time { return noon },
		Logger: slog.New(slog.DiscardHandler), Metrics: checkout.NewMetrics(prometheus.NewRegistry()),
	})
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- shop.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return shop, arbiter
}

// answer is a response that has been read.
type answer struct {
	code   int
	header http.Header
	body   string
}

// ask sends a request over a real connection.
func ask(t *testing.T, server *httptest.Server, method, path, body string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return answer{}
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := server.Client().Do(r)
	if err != nil {
		t.Error(err)
		return answer{}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	return answer{response.StatusCode, response.Header, string(text)}
}

// TestAFullPodRefusesPurchasesAndGoesOnReading fills a pod with purchases whose store
// does not answer. That refusals are told at once shows in that the store still does not.
func TestAFullPodRefusesPurchasesAndGoesOnReading(t *testing.T) {
	t.Parallel()
	const bound = 16
	shop, arbiter := stuckShop(t)
	f := setup(t, func(f *fixture) { f.deps.Shop, f.deps.MaxInFlight = shop, bound })
	server := httptest.NewServer(f.handler)
	defer server.Close()
	held := make(chan answer, bound)
	for range bound {
		go func() { held <- ask(t, server, http.MethodPost, "/purchase", good) }()
		<-arbiter.entered
	}
	var refused sync.WaitGroup
	for range 10 * bound {
		refused.Go(func() {
			got := ask(t, server, http.MethodPost, "/purchase", good)
			if got.code != http.StatusServiceUnavailable || !strings.Contains(got.body, `"code":"OVERLOADED"`) ||
				got.header.Get("Retry-After") != "1" || !strings.Contains(got.body, `"retry_after_ms":1000`) {
				t.Errorf("a purchase too many: %+v", got)
			}
		})
	}
	refused.Wait()
	for _, path := range []string{"/", "/events", "/events/aurora", "/health", "/.well-known/eventflow-receipts", "/livez"} {
		if got := ask(t, server, http.MethodGet, path, ""); got.code != http.StatusOK {
			t.Errorf("%s of a pod full of purchases: %+v", path, got)
		}
	}
	if got := ask(t, server, http.MethodGet, "/orders/"+string(orderID), ""); got.code != http.StatusNotFound {
		t.Errorf("an order that nobody placed: %+v", got)
	}
	close(arbiter.release)
	for range bound {
		if got := <-held; got.code != http.StatusAccepted {
			t.Errorf("a purchase that was in: %+v", got)
		}
	}
	go func() { <-arbiter.entered }()
	if got := ask(t, server, http.MethodPost, "/purchase", good); got.code != http.StatusAccepted {
		t.Errorf("after the load: %+v", got)
	}
}

// TestARefusalDoesNotWaitForTheBody: the client announces a body and sends none.
func TestARefusalDoesNotWaitForTheBody(t *testing.T) {
	t.Parallel()
	full := func(f *fixture) { f.deps.MaxInFlight = 0 }
	limited := func(f *fixture) { f.deps.PurchaseRate = spent(t, f) }
	for name, tc := range map[string]struct {
		change func(*fixture)
		header string
		want   string
	}{
		"overloaded":                    {full, "", "503"},
		"overloaded, it asks first":     {full, "Expect: 100-continue\r\n", "503"},
		"rate limited":                  {limited, "", "429"},
		"overloaded, of unknown length": {full, "Transfer-Encoding: chunked\r\n", "503"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t, tc.change)
			server := httptest.NewServer(f.handler)
			defer server.Close()
			if tc.want == "429" {
				ask(t, server, http.MethodPost, "/purchase", good)
			}
			conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			length := "Content-Length: 1000\r\n"
			if strings.Contains(tc.header, "chunked") {
				length = ""
			}
			// Nothing but an answer ends this read, or the deadline, which is a failure.
			if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(conn, "POST /purchase HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%s%s\r\n", length, tc.header)
			status, err := bufio.NewReader(conn).ReadString('\n')
			if err != nil || !strings.Contains(status, tc.want) {
				t.Errorf("answer %q, %v; want %s", status, err, tc.want)
			}
		})
	}
}

// spent is a rate of one purchase; the clock of the fixture stands still.
func spent(t *testing.T, f *fixture) ratelimit.Rate {
	t.Helper()
	f.deps.Clock = func() time.Time { return noon }
	return ratelimit.Rate{PerSecond: 1, Burst: 1}
}

// slowFront shows its snapshot once it is told to.
type slowFront struct {
	*front
	entered, release chan struct{}
}

func (s *slowFront) Snapshot() *storefront.Snapshot {
	s.entered <- struct{}{}
	<-s.release
	return s.front.Snapshot()
}

func TestPurchasesAreRefusedBeforeReads(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	f := setup(t, func(f *fixture) {
		f.deps.Front, f.deps.MaxReads = &slowFront{f.front, entered, release}, 8
	})
	var held sync.WaitGroup
	read := func() {
		held.Go(func() {
			if w := f.do(t, get("/events")); w.Code != http.StatusOK {
				t.Errorf("a read that was in: %d", w.Code)
			}
		})
		<-entered
	}
	for range 5 {
		read()
	}
	if w := f.do(t, post(good)); w.Code != http.StatusCreated {
		t.Errorf("a purchase beside five of eight reads: %d", w.Code)
	}
	read()
	if w := f.do(t, post(good)); w.Code != http.StatusServiceUnavailable {
		t.Errorf("a purchase beside six of eight reads: %d", w.Code)
	}
	read()
	read()
	w := f.do(t, get("/events"))
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "1" || !strings.Contains(w.Body.String(), "OVERLOADED") {
		t.Errorf("the ninth read: %d %v %s", w.Code, w.Header(), w.Body)
	}
	for _, path := range []string{"/health", "/livez"} {
		if w := f.do(t, get(path)); w.Code != http.StatusOK {
			t.Errorf("%s is refused: %d", path, w.Code)
		}
	}
	close(release)
	held.Wait()
	if w := f.do(t, post(good)); w.Code != http.StatusCreated {
		t.Errorf("after the load: %d", w.Code)
	}
	wantCounted(t, f, "eventflow_purchase_shed_total", "Requests refused before they were read, because too many were being answered.", 1, 1)
}

func wantCounted(t *testing.T, f *fixture, metric, help string, purchases, reads int) {
	t.Helper()
	want := fmt.Sprintf("# HELP %[1]s %[2]s\n# TYPE %[1]s counter\n%[1]s{kind=\"purchase\"} %[3]d\n%[1]s{kind=\"read\"} %[4]d\n",
		metric, help, purchases, reads)
	if err := testutil.GatherAndCompare(f.registry, strings.NewReader(want), metric); err != nil {
		t.Error(err)
	}
}

func TestOneClientCannotBuyForAll(t *testing.T) {
	t.Parallel()
	f := setup(t, func(f *fixture) {
		f.deps.TrustedHops = 1
		f.deps.PurchaseRate = ratelimit.Rate{PerSecond: 2, Burst: 3}
	})
	for range 3 {
		if w := f.do(t, from(post(good), "1.1.1.1")); w.Code != http.StatusCreated {
			t.Fatalf("within the burst: %d %s", w.Code, w.Body)
		}
	}
	for name, forged := range map[string][]string{
		"as before": {"1.1.1.1"}, "an element": {"6.6.6.6, 1.1.1.1"}, "lines": {"7.7.7.7", "8.8.8.8", "1.1.1.1"}, "a port": {"1.1.1.1:99"},
	} {
		r := post(good, "X-Real-Ip", "6.6.6.6", "Forwarded", "for=6.6.6.6")
		w := f.do(t, from(r, forged...))
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "1" ||
			!strings.Contains(w.Body.String(), `"code":"RATE_LIMITED"`) || !strings.Contains(w.Body.String(), `"retry_after_ms":500`) {
			t.Errorf("%s: %d %v %s", name, w.Code, w.Header(), w.Body)
		}
	}
	if w := f.do(t, from(post(good), "2.2.2.2")); w.Code != http.StatusCreated {
		t.Errorf("another client: %d", w.Code)
	}
	if f.shop.calls != 4 {
		t.Errorf("the shop was asked %d times, want 4", f.shop.calls)
	}
	wantCounted(t, f, "eventflow_purchase_rate_limited_total",
		"Requests refused before they were read, because their client asked too often.", 4, 0)
}

// from sends a request through proxies that wrote these lines.
func from(r request, forwarded ...string) request {
	if r.header == nil {
		r.header = map[string][]string{}
	}
	r.header["X-Forwarded-For"] = forwarded
	return r
}

func TestReadsHaveALimitOfTheirOwn(t *testing.T) {
	t.Parallel()
	f := setup(t, func(f *fixture) {
		f.deps.TrustedHops, f.deps.PurchaseRate = 1, spent(t, f)
		f.deps.ReadRate = ratelimit.Rate{PerSecond: 2, Burst: 1}
	})
	for _, tc := range []struct {
		send request
		want int
	}{
		{post(good), http.StatusCreated},
		{get("/events"), http.StatusOK},
		{get("/events/aurora"), http.StatusTooManyRequests}, // all paths together
		{get("/orders/" + string(orderID)), http.StatusTooManyRequests},
		{get("/health"), http.StatusOK},
		{get("/health"), http.StatusOK},
		{get("/livez"), http.StatusOK},
		{get("/livez"), http.StatusOK},
		{get("/readyz"), http.StatusServiceUnavailable},
		{get("/readyz"), http.StatusServiceUnavailable},
	} {
		if w := f.do(t, from(tc.send, "1.1.1.1")); w.Code != tc.want {
			t.Errorf("%s %s: %d, want %d", tc.send.method, tc.send.path, w.Code, tc.want)
		}
	}
	wantCounted(t, f, "eventflow_purchase_rate_limited_total",
		"Requests refused before they were read, because their client asked too often.", 0, 2)
}

func TestALimitedPurchaseTakesNoPlaceAndIsNotRead(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	f := setup(t, func(f *fixture) {
		f.deps.MaxInFlight, f.deps.PurchaseRate = 1, spent(t, f)
		f.shop.entered, f.shop.release = entered, release
	})
	code := make(chan int, 1)
	go func() { code <- f.do(t, post(good)).Code }()
	<-entered
	unread := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/purchase", iotest.ErrReader(errors.New("read")))
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, unread)
	if w.Code != http.StatusTooManyRequests {
		t.Errorf("answer %d %s, want the client's own limit before the pod's", w.Code, w.Body)
	}
	close(release)
	if got := <-code; got != http.StatusCreated {
		t.Errorf("the purchase in flight: %d", got)
	}
	compare(t, "429-rate-limited", render(w))
}

func TestRefusedBuyersAreSpread(t *testing.T) {
	t.Parallel()
	fails := func(code ticketing.Code, retry time.Duration) func(*fixture) {
		return func(f *fixture) { f.shop.err = &ticketing.Error{Code: code, Message: "why", RetryAfter: retry} }
	}
	paused := fails(ticketing.CodeStoreUnavailable, time.Second)
	cases := map[string]struct {
		change    func(*fixture)
		random    float64
		send      request
		seconds   string
		millis    string
		notMillis string
	}{
		"at the earliest":           {paused, 0, post(good), "1", `"retry_after_ms":1000`, ""},
		"in the middle":             {paused, 0.5, post(good), "2", `"retry_after_ms":2000`, ""},
		"at the latest":             {paused, 0.9999, post(good), "3", `"retry_after_ms":2999`, ""},
		"a pod that is full":        {func(f *fixture) { f.deps.MaxInFlight = 0 }, 0.75, post(good), "3", `"retry_after_ms":2500`, ""},
		"outcome unknown":           {fails(ticketing.CodeOutcomeUnknown, time.Second), 0.5, post(good), "2", `"retry_after_ms":2000`, ""},
		"final, so no use":          {fails(ticketing.CodeSoldOut, 0), 0.5, post(good), "", "SOLD_OUT", "retry_after_ms"},
		"a reader is not made wait": {paused, 0.5, get("/orders/" + string(orderID)), "1", `"retry_after_ms":1000`, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t, func(f *fixture) {
				tc.change(f)
				f.deps.Random = func() float64 { return tc.random }
			})
			w := f.do(t, tc.send)
			if got := w.Header().Get("Retry-After"); got != tc.seconds || !strings.Contains(w.Body.String(), tc.millis) {
				t.Errorf("Retry-After %q, %s; want %q, %s", got, w.Body, tc.seconds, tc.millis)
			}
			if tc.notMillis != "" && strings.Contains(w.Body.String(), tc.notMillis) {
				t.Errorf("%s is in %s", tc.notMillis, w.Body)
			}
		})
	}
}
