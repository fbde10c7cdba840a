package ratelimit

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// ipv6Prefix is how much of an IPv6 address names a client: a /64 is what one household
// or machine gets, and any address in it is free to take.
const ipv6Prefix = 64

// Client returns whom a request is counted for: the address of whoever connected, or,
// behind that many trusted proxies, the one that the first of them saw. Each proxy appends whom it saw to
// X-Forwarded-For, so that the element as far from the right as there are proxies was written by the first, and
// what the client wrote is further to the left, however many lines or elements it sent. Where there is
// no such element, or it is no address, the request is counted for whoever connected.
//
// Note: whoever can reach the process past the proxies can name any address. The zero Addr is a client too:
// that of every request whose peer has no address.
func Client(r *http.Request, trustedHops int) netip.Addr {
	if trustedHops > 0 {
		if element, found := fromRight(r.Header.Values("X-Forwarded-For"), trustedHops); found {
			if address, ok := parse(element); ok {
				return network(address)
			}
		}
	}
	peer, _ := parse(r.RemoteAddr)
	return network(peer)
}

// fromRight returns the n-th element from the right of a list that may be spread over lines.
func fromRight(lines []string, n int) (string, bool) {
	for _, line := range slices.Backward(lines) {
		for more := true; more; {
			var element string
			if comma := strings.LastIndexByte(line, ','); comma >= 0 {
				line, element = line[:comma], line[comma+1:]
			} else {
				element, more = line, false
			}
			if n--; n == 0 {
				return element, true
			}
		}
	}
	return "", false
}

// parse reads an address as proxies write it: alone, with a port, or in brackets.
func parse(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr(), true
	}
	if inner, bracketed := strings.CutPrefix(text, "["); bracketed {
		text = strings.TrimSuffix(inner, "]")
	}
	address, err := netip.ParseAddr(text)
	return address, err == nil
}

// network reduces an address to the part that names a client. A zone is dropped: it
// means something on one machine only.
func network(address netip.Addr) netip.Addr {
	address = address.Unmap().WithZone("")
	if !address.Is6() {
		return address
	}
	prefix, err := address.Prefix(ipv6Prefix)
	if err != nil {
		return address
	}
	return prefix.Addr()
}
