package serve

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// called refuses requests for another host than this one. A site that points its own name at an address of this
// machine (DNS rebinding) is, to a browser, the origin of what it then reads here; only the Host header tells. So a
// server on loopback answers to the names of loopback and to those it was told; one that was put on the network
// has names it cannot know, and is as open as that, unless it was told some.
//
// A request without a host (HTTP/1.0) is no browser's.
func called(hosts []string, l net.Addr, next http.Handler) http.Handler {
	tcp, ok := l.(*net.TCPAddr)
	if ok && !tcp.IP.IsLoopback() && len(hosts) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name := HostName(r.Host); r.Host != "" && !isLoopback(name) && !slices.ContainsFunc(hosts, func(h string) bool { return HostName(h) == name }) {
			say(w, http.StatusMisdirectedRequest, fmt.Sprintf("this is not %.100q; to be called so it must be started with --allow-host", name))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// HostName is a host as it is compared: without port, brackets and final dot, in lower case.
func HostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

// isLoopback says whether no name server can point the name elsewhere than to loopback. Source: RFC 6761 §6.3.
func isLoopback(name string) bool {
	address, err := netip.ParseAddr(name)
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || err == nil && address.Unmap().IsLoopback()
}
