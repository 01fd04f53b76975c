// Package hlchttp carries the timestamps of package hlc over HTTP, so that what a
// service does because of a request, and what a client does because of a reply, is
// stamped above what caused it.
//
//	clock, err := hlc.New(hlc.Options{}) // a *hlc.Durable goes in as it is
//
//	stamped, err := hlchttp.Server(hlchttp.Plain(clock), hlchttp.Options{
//		Trusted: hlchttp.Networks(netip.MustParsePrefix("10.0.0.0/8")),
//	})
//	http.ListenAndServe(":8080", stamped(mux)) // outermost, so that every reply is stamped
//
//	transport, err := hlchttp.Transport(hlchttp.Plain(clock), nil, hlchttp.Options{
//		Trusted: hlchttp.Hosts("orders.internal:8080"),
//	})
//	client := &http.Client{Transport: transport}
//
// # Four events
//
//	client sends      Now     the stamp goes into the request's header
//	server receives   Update  before the handler runs; it reads the result by From
//	server replies    Now     at the moment the header is written, whatever the status
//	client receives   Update  before RoundTrip returns
//
// Both directions use one header, hlc-timestamp, in CockroachDB's text form
// "seconds.nanos,logical". Error replies carry it as others do, and so does the 500
// that an outer handler makes of a panic. Informational replies (1xx except 101)
// and trailers do not.
//
// # Who may move our clock
//
// A timestamp that is believed moves the clock forward, by up to hlc.Options.MaxLead
// ahead of the time of day, and nothing moves it back. So whoever may send one is
// a decision, and Options.Trusted has no default: without it Server and Transport
// return [ErrNoTrust]. Stamps of others are not even parsed; their requests are
// served as local events.
//
// A stamp of a trusted peer that is refused, because it cannot be read or is too
// far ahead, ends the request (400) or the round trip (an error). To go on would
// stamp the effect below its cause, and the peer whose clock is wrong would never
// hear of it. Options.AllowRefused goes on; From and Options.OnRefused tell.
//
// A clock that fails (the disk of a Durable does not answer) ends the request with 503 before
// the handler runs, and the round trip with the error. If it fails when the handler is done, the reply goes out with
// [Unavailable] in place of a stamp, and a trusting client refuses it: the work is done, but where it stands in
// the order nobody knows.
//
// # Hazards
//
// HAZARD: what a handler does after the header is written (a stream, an upgraded
// connection, a trailer) is above the reply's stamp, so the client does not learn
// of it. Carry a timestamp in each message of a stream.
//
// HAZARD: replies that are made outside of the middleware have no stamp: that of
// an outer http.TimeoutHandler, and the server's own 400 for what is not HTTP.
// The client sees [ErrMissing].
//
// HAZARD: a proxy passes headers on. Trusting the address of one means trusting
// whoever talks to it, unless it removes hlc-timestamp at the edge. The address
// looked at is always that of the connection, never X-Forwarded-For.
//
// HAZARD: a client that follows a redirect stamps the request to the other host
// too. The stamp is no secret (it is the time of day, and shows how wrong this
// clock is), but believing that host's reply moves the clock: name hosts.
//
// HAZARD: a cached reply carries the stamp of when it was made. That is right for
// what is in it, and an old stamp never moves a clock, but it says nothing of what
// the origin did since; replies that must order later events need
// "Cache-Control: no-store". Do not add "Vary: hlc-timestamp": no two requests
// have the same stamp, and nothing would ever be found in the cache.
//
// HAZARD: the stamp contains a comma. A proxy that joins repeated headers, or
// splits them, makes one that is refused.
package hlchttp
