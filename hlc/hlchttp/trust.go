package hlchttp

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Everyone trusts whoever is on the other end.
//
// HAZARD: every stranger can then move the clock, by up to hlc.Options.MaxLead
// ahead of the time of day. It is for networks that strangers cannot reach.
func Everyone(*http.Request) bool { return true }

// Networks lets a server trust peers by the address of their connection. With no
// network it trusts nobody; so does a client that uses it.
//
// HAZARD: the address is that of the last hop, a proxy's if there is one. IPv4
// peers of a socket for both are compared as IPv4.
func Networks(networks ...netip.Prefix) func(*http.Request) bool {
	networks = slices.Clone(networks)
	return func(r *http.Request) bool {
		address, ok := address(r)
		return ok && slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(address) })
	}
}

// address is that of the sender of a request that a server got. There is none for a
// client's own request, and for a listener that is not IP.
func address(r *http.Request) (netip.Addr, bool) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return peer.Addr().Unmap().WithZone(""), err == nil
}

// Certificates lets a server trust peers by the TLS certificate they showed, if the
// server verified it and its DNS or URI names (SPIFFE identities are such) include
// one of names, letter by letter. With no name it trusts nobody.
//
// It assumes tls.Config.ClientAuth to be VerifyClientCertIfGiven or
// RequireAndVerifyClientCert; under the others nothing is verified and nobody
// trusted.
func Certificates(names ...string) func(*http.Request) bool {
	names = slices.Clone(names)
	return func(r *http.Request) bool {
		if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
			return false
		}
		leaf := r.TLS.VerifiedChains[0][0]
		for _, uri := range leaf.URIs {
			if slices.Contains(names, uri.String()) {
				return true
			}
		}
		return slices.ContainsFunc(leaf.DNSNames, func(n string) bool { return slices.Contains(names, n) })
	}
}

// Hosts lets a client trust the hosts it sends to, named as in the URL: with its
// port ("orders.internal:8080"), or without for any port. A server that uses it
// trusts nobody, since there the sender writes the URL.
//
// HAZARD: over plain HTTP it is whoever answers for the name.
func Hosts(hosts ...string) func(*http.Request) bool {
	hosts = slices.Clone(hosts)
	return func(r *http.Request) bool {
		if r.RequestURI != "" || r.URL == nil {
			return false // set by servers only
		}
		return slices.ContainsFunc(hosts, func(h string) bool {
			return strings.EqualFold(h, r.URL.Host) || strings.EqualFold(h, r.URL.Hostname())
		})
	}
}
