// Package faultproxy stands between a service and a store and misbehaves on demand, by
// toxiproxy: connections are refused, hang, are slow, or are cut. It must not know what
// protocol passes through it.
package faultproxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// Fault is a way in which a store is away.
type Fault string

// The faults.
const (
	// None: the store is there.
	None Fault = ""
	// Refused: connections are refused and the present ones closed, as when a Service has no endpoints.
	Refused Fault = "refused"
	// BlackHole: connections are taken and nothing ever comes back, as from a vanished node.
	BlackHole Fault = "black hole"
	// Slow: every answer takes two seconds longer.
	Slow Fault = "slow"
	// Reset: every connection is reset (RST) when its next answer comes.
	Reset Fault = "reset"
)

// SlowBy is how much longer Slow makes an answer.
const SlowBy = 2 * time.Second

// Proxy is one store's stand-in.
type Proxy struct {
	t     *testing.T
	proxy *toxiproxy.Proxy
	now   Fault
}

// New starts a proxy on a free loopback port in front of the address. It ends with the test.
func New(t *testing.T, name, upstream string) *Proxy {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	proxy := toxiproxy.NewProxy(server, name, "127.0.0.1:0", upstream)
	if err := proxy.Start(); err != nil {
		t.Fatalf("start proxy for %s: %v", name, err)
	}
	t.Cleanup(proxy.Stop)
	return &Proxy{t: t, proxy: proxy}
}

// Address is where the proxy listens; it stays the same through every fault.
func (p *Proxy) Address() string { return p.proxy.Listen }

// Set makes the store misbehave in one way, or behave again.
func (p *Proxy) Set(fault Fault) {
	p.t.Helper()
	if p.now == Refused {
		if err := p.proxy.Start(); err != nil {
			p.t.Fatalf("start proxy %s again: %v", p.proxy.Name, err)
		}
	}
	p.proxy.Toxics.ResetToxics(p.t.Context())
	p.now = fault
	switch fault {
	case None:
	case Refused:
		p.proxy.Stop()
	case BlackHole:
		p.add(`{"name":"up","type":"timeout","stream":"upstream","attributes":{"timeout":0}}`)
		p.add(`{"name":"down","type":"timeout","stream":"downstream","attributes":{"timeout":0}}`)
	case Reset:
		p.add(`{"name":"reset","type":"reset_peer","stream":"downstream","attributes":{"timeout":0}}`)
	case Slow:
		p.add(fmt.Sprintf(`{"name":"slow","type":"latency","stream":"downstream","attributes":{"latency":%d}}`, SlowBy.Milliseconds()))
	}
}

// CutAnswersAfter lets bytes of an answer through and then closes the connection: the
// request has arrived, its answer is lost. It lasts until the next Set.
func (p *Proxy) CutAnswersAfter(bytes int) {
	p.t.Helper()
	p.Set(None)
	p.add(fmt.Sprintf(`{"name":"cut","type":"limit_data","stream":"downstream","attributes":{"bytes":%d}}`, bytes))
}

func (p *Proxy) add(toxic string) {
	p.t.Helper()
	if _, err := p.proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
		p.t.Fatalf("add toxic %s: %v", toxic, err)
	}
}

// Hangs reports whether the proxy is a black hole now.
func (p *Proxy) Hangs() bool { return p.now == BlackHole }
