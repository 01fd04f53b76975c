// Package hlchttp carries the timestamps of package hlc over HTTP, so that what a
// service does because of a request, and what a client does because of a reply, is
// stamped above what caused it.
//
//	stamped, err := hlchttp.Server(clock, hlchttp.Options{
//		Trusted: hlchttp.Networks(netip.MustParsePrefix("10.0.0.0/8")),
//	})
//	err = http.ListenAndServe(":8080", stamped(mux)) // outermost, so that every reply is stamped
//
//	transport, err := hlchttp.Transport(clock, nil, hlchttp.Options{
//		Trusted: hlchttp.Hosts("orders.internal:8080"),
//	})
//	client := &http.Client{Transport: transport}
//
// The clock is an *hlc.Durable, or [Plain] of an *hlc.Clock; a program has one. The program
// examples/chat is two processes whose clocks disagree; its comment says how to run it.
//
// # Four events
//
//	client sends      Now         the stamp goes into the request's header
//	server receives   UpdateFrom  before the handler runs; FromRequest gives the result
//	server replies    Now         at the moment the header is written, whatever the status
//	client receives   UpdateFrom  before RoundTrip returns; FromReply gives the result
//
// Both directions use one header, hlc-timestamp, in the text form
// "seconds.nanos,logical", as hlc.Parse reads it. Error replies carry it as others do, and so
// does the 500 that an outer handler makes of a panic. Informational replies
// (1xx except 101) and trailers are not stamped. A stamp is of one hop: who receives it takes
// it out of the header, and the Receipt has it.
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
// hear of it. Options.AllowRefused goes on; the Receipt and Options.OnRefused tell.
//
// # When our own clock fails
//
// A Durable whose disk is broken, or that waits for it longer than the request's context
// lasts, has no timestamp to give. Then nothing is stamped: the client does not send, or
// does not return the reply, and gives the [*ClockError]; the server replies 503 without a
// stamp, in place of whatever the handler wanted to say.
//
// HAZARD: if it is the reply that cannot be stamped, the handler has already done its work.
// It learns of it only by the error of Write.
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
// HAZARD: a proxy passes headers on. Trusting the address of one means trusting whoever
// talks to it, unless it removes hlc-timestamp, as one behind Server does. Give that one a
// Transport too, or the reply to an upgrade has the stamps of both servers and is refused. The
// address looked at is always that of the connection, never X-Forwarded-For.
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
