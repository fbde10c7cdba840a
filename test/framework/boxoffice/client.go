// Package boxoffice is a buyer's view of a box office, for tests: its HTTP API as
// plain Go values, with the status and headers that tests assert. It must not know
// what is behind the API.
package boxoffice

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Client talks to one box office.
type Client struct {
	// BaseURL has no trailing slash: "http://localhost:8080".
	BaseURL string
	HTTP    *http.Client
}

// New returns a client whose every request ends within timeout.
func New(baseURL string, timeout time.Duration) *Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 256}
	return &Client{BaseURL: baseURL, HTTP: &http.Client{Timeout: timeout, Transport: transport}}
}

// Purchase is the body of POST /purchase.
type Purchase struct {
	EventID  string `json:"event_id"`
	Tier     string `json:"tier,omitempty"`
	Quantity int    `json:"quantity"`
	Email    string `json:"email"`
	Name     string `json:"name,omitempty"`
	// Key is sent as Idempotency-Key where it is not empty.
	Key string `json:"-"`
}

// Money is an amount in minor units.
type Money struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

// Order is what the API says of an order; Code is set for a problem.
type Order struct {
	Status  json.RawMessage `json:"status"`
	Code    string          `json:"code"`
	OrderID string          `json:"order_id"`
	EventID string          `json:"event_id"`
	Tier    string          `json:"tier"`
	Total   Money           `json:"total"`
	Node    string          `json:"node"`
	Receipt string          `json:"receipt"`
	Tickets []string        `json:"tickets"`
}

// State is the order's status where it is one; a problem's status is a number.
func (o Order) State() string {
	var text string
	if json.Unmarshal(o.Status, &text) != nil {
		return ""
	}
	return text
}

// Event is one event as GET /events lists it.
type Event struct {
	ID     string    `json:"id"`
	AsOf   time.Time `json:"as_of"`
	Source string    `json:"source"`
	Stale  bool      `json:"stale"`
	Tiers  []struct {
		ID        string `json:"id"`
		Capacity  int    `json:"capacity"`
		Available int    `json:"available"`
	} `json:"tiers"`
}

// Health is the answer of GET /health.
type Health struct {
	Node      string `json:"node"`
	Mode      string `json:"mode"`
	Accepting bool   `json:"accepting"`
	Stores    map[string]struct {
		State string    `json:"state"`
		Since time.Time `json:"since"`
	} `json:"stores"`
}

// Answer is a decoded response.
type Answer[T any] struct {
	Status int
	Header http.Header
	Body   T
	// Raw is the body as it came, for messages.
	Raw string
}

// Node is the pod that answered.
func (a Answer[T]) Node() string { return a.Header.Get("X-EventFlow-Node") }

// Buy sends a purchase. An error means that no answer came.
func (c *Client) Buy(ctx context.Context, p Purchase) (Answer[Order], error) {
	body, err := json.Marshal(p)
	if err != nil {
		return Answer[Order]{}, fmt.Errorf("encode purchase: %w", err)
	}
	request, err := post(ctx, c, "/purchase", body)
	if err != nil {
		return Answer[Order]{}, err
	}
	if p.Key != "" {
		request.Header.Set("Idempotency-Key", p.Key)
	}
	return do[Order](c, request)
}

// Cancel gives back the seats of the order that the address bought. An error means that
// no answer came.
func (c *Client) Cancel(ctx context.Context, id, email string) (Answer[Order], error) {
	body, err := json.Marshal(map[string]string{"email": email})
	if err != nil {
		return Answer[Order]{}, fmt.Errorf("encode cancellation: %w", err)
	}
	request, err := post(ctx, c, "/orders/"+id+"/cancel", body)
	if err != nil {
		return Answer[Order]{}, err
	}
	return do[Order](c, request)
}

func post(ctx context.Context, c *Client, path string, body []byte) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.BaseURL+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make request for %s: %w", path, err)
	}
	request.Header.Set("Content-Type", "application/json")
	return request, nil
}

// Order asks for an order.
func (c *Client) Order(ctx context.Context, id string) (Answer[Order], error) {
	return get[Order](ctx, c, "/orders/"+id)
}

// Event asks for an event.
func (c *Client) Event(ctx context.Context, id string) (Answer[Event], error) {
	return get[Event](ctx, c, "/events/"+id)
}

// Health asks one pod how it sees the stores.
func (c *Client) Health(ctx context.Context) (Answer[Health], error) {
	return get[Health](ctx, c, "/health")
}

// Get asks for any path and decodes the answer's JSON, whatever its status.
func (c *Client) Get(ctx context.Context, path string) (Answer[map[string]any], error) {
	return get[map[string]any](ctx, c, path)
}

func get[T any](ctx context.Context, c *Client, path string) (Answer[T], error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.BaseURL+path, nil)
	if err != nil {
		return Answer[T]{}, fmt.Errorf("make request for %s: %w", path, err)
	}
	return do[T](c, request)
}

// maxBody bounds what is read of an answer, in bytes.
const maxBody = 4 << 20

func do[T any](c *Client, request *http.Request) (Answer[T], error) {
	response, err := c.HTTP.Do(request)
	if err != nil {
		return Answer[T]{}, fmt.Errorf("%s %s: %w", request.Method, request.URL.Path, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil {
		return Answer[T]{}, fmt.Errorf("read answer of %s %s: %w", request.Method, request.URL.Path, err)
	}
	answer := Answer[T]{Status: response.StatusCode, Header: response.Header, Raw: string(body)}
	if err := json.Unmarshal(body, &answer.Body); err != nil {
		return answer, fmt.Errorf("%s %s answered %d with no JSON: %q", request.Method, request.URL.Path, response.StatusCode, body)
	}
	return answer, nil
}
