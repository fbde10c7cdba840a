package eventflow

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Health is what a purchase API says of itself.
type Health struct {
	// Accepting says whether it accepts purchases.
	Accepting bool `json:"accepting"`
	// Mode is NORMAL, ASYNC or PAUSED.
	Mode string `json:"mode"`
	// Stores are postgres, redis and rabbitmq as the API finds them.
	Stores map[string]StoreHealth `json:"stores"`
}

// StoreHealth is one store as the purchase API finds it.
type StoreHealth struct {
	// State is UP or DOWN.
	State string `json:"state"`
}

// The words of a Health that steer the status.
const (
	healthModeAsync = "ASYNC"
	healthStoreDown = "DOWN"
)

// Prober asks a purchase API how it is.
type Prober interface {
	// Probe asks the API at the base URL. It answers within a second or two, if only
	// with an error.
	Probe(ctx context.Context, url string) (Health, error)
}

// HTTPProber asks over HTTP.
type HTTPProber struct {
	client *http.Client
}

// healthLimit bounds how much of an answer is read.
const healthLimit = 64 << 10

// NewHTTPProber returns a Prober whose questions take at most the timeout. Each is a
// connection of its own, so that it may reach any of the pods.
func NewHTTPProber(timeout time.Duration) *HTTPProber {
	return &HTTPProber{client: &http.Client{
		Timeout:   timeout,
		Transport: &http.Transport{DisableKeepAlives: true},
	}}
}

// Probe implements Prober.
func (p *HTTPProber) Probe(ctx context.Context, url string) (Health, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/health", http.NoBody)
	if err != nil {
		return Health{}, fmt.Errorf("probe %s: %w", url, err)
	}
	response, err := p.client.Do(request)
	if err != nil {
		return Health{}, fmt.Errorf("probe: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return Health{}, fmt.Errorf("probe %s: status %s", url, response.Status)
	}
	var health Health
	if err := json.NewDecoder(io.LimitReader(response.Body, healthLimit)).Decode(&health); err != nil {
		return Health{}, fmt.Errorf("probe %s: %w", url, err)
	}
	return health, nil
}
