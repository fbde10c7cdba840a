package ratelimit_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/eventflow-dev/eventflow/services/internal/ratelimit"
)

func TestClient(t *testing.T) {
	t.Parallel()
	const peer = "10.0.0.9:4711"
	xff := func(lines ...string) http.Header { return http.Header{"X-Forwarded-For": lines} }
	cases := map[string]struct {
		peer   string
		hops   int
		header http.Header
		want   string
	}{
		"the peer":                         {peer, 0, nil, "10.0.0.9"},
		"no proxy is trusted":              {peer, 0, xff("1.1.1.1"), "10.0.0.9"},
		"what one proxy saw":               {peer, 1, xff("1.1.1.1"), "1.1.1.1"},
		"a client forges an element":       {peer, 1, xff("6.6.6.6, 1.1.1.1"), "1.1.1.1"},
		"a client forges a line":           {peer, 1, xff("6.6.6.6", "7.7.7.7,8.8.8.8", "1.1.1.1"), "1.1.1.1"},
		"a client forges a lot":            {peer, 1, xff(strings.Repeat("6.6.6.6,", 5000) + "1.1.1.1"), "1.1.1.1"},
		"a client forges commas":           {peer, 1, xff(",,,", ",, 1.1.1.1"), "1.1.1.1"},
		"what the first of two saw":        {peer, 2, xff("6.6.6.6, 1.1.1.1, 10.0.0.2"), "1.1.1.1"},
		"the two on lines of their own":    {peer, 2, xff("6.6.6.6", "1.1.1.1", "10.0.0.2"), "1.1.1.1"},
		"fewer elements than proxies":      {peer, 2, xff("1.1.1.1"), "10.0.0.9"},
		"no header":                        {peer, 1, nil, "10.0.0.9"},
		"an empty header":                  {peer, 1, xff(""), "10.0.0.9"},
		"garbage":                          {peer, 1, xff("6.6.6.6, unknown"), "10.0.0.9"},
		"an obfuscated name":               {peer, 1, xff("_hidden"), "10.0.0.9"},
		"a number that is no address":      {peer, 1, xff("016.1.1.1"), "10.0.0.9"},
		"X-Real-IP counts for nothing":     {peer, 1, http.Header{"X-Real-Ip": {"6.6.6.6"}}, "10.0.0.9"},
		"Forwarded counts for nothing":     {peer, 1, http.Header{"Forwarded": {"for=6.6.6.6"}}, "10.0.0.9"},
		"others beside it count for none":  {peer, 1, http.Header{"X-Real-Ip": {"6.6.6.6"}, "True-Client-Ip": {"6.6.6.6"}, "X-Forwarded-For": {"1.1.1.1"}}, "1.1.1.1"},
		"a port":                           {peer, 1, xff("1.1.1.1:80"), "1.1.1.1"},
		"space around":                     {peer, 1, xff("6.6.6.6 ,\t1.1.1.1 "), "1.1.1.1"},
		"IPv6 by its network":              {peer, 1, xff("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::"},
		"another address of that network":  {peer, 1, xff("2001:db8:1:2:ffff::1"), "2001:db8:1:2::"},
		"another network":                  {peer, 1, xff("2001:db8:1:3::1"), "2001:db8:1:3::"},
		"IPv6 in brackets":                 {peer, 1, xff("[2001:db8:1:2::1]"), "2001:db8:1:2::"},
		"IPv6 with a port":                 {peer, 1, xff("[2001:db8:1:2::1]:443"), "2001:db8:1:2::"},
		"IPv6 with a zone":                 {peer, 1, xff("fe80::1%eth0"), "fe80::"},
		"a zone does not make two of one":  {peer, 1, xff("fe80::1%6.6.6.6"), "fe80::"},
		"IPv4 in IPv6 is IPv4":             {peer, 1, xff("::ffff:1.1.1.1"), "1.1.1.1"},
		"a peer with IPv6":                 {"[2001:db8:1:2::1]:4711", 0, nil, "2001:db8:1:2::"},
		"a peer with a zone":               {"[fe80::1%eth0]:4711", 0, nil, "fe80::"},
		"a peer with IPv4 in IPv6":         {"[::ffff:10.0.0.9]:4711", 0, nil, "10.0.0.9"},
		"a peer without an address":        {"@", 1, nil, "invalid IP"},
		"a header without a peer to trust": {"@", 0, xff("1.1.1.1"), "invalid IP"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/purchase", http.NoBody)
			r.RemoteAddr = tc.peer
			if tc.header != nil {
				r.Header = tc.header
			}
			if got := ratelimit.Client(r, tc.hops).String(); got != tc.want {
				t.Errorf("client %s, want %s", got, tc.want)
			}
		})
	}
}

// FuzzClient: nothing that a client writes changes whom it is counted for.
func FuzzClient(f *testing.F) {
	f.Add("6.6.6.6", "::1%eth0,")
	f.Add(",", "")
	f.Fuzz(func(t *testing.T, line, left string) {
		r := httptest.NewRequest(http.MethodPost, "/purchase", http.NoBody)
		r.Header["X-Forwarded-For"] = []string{line, left + ", 1.1.1.1"}
		if got := ratelimit.Client(r, 1).String(); got != "1.1.1.1" {
			t.Errorf("counted for %s", got)
		}
	})
}
