// Package fencinghttp carries the tokens of package fencing over HTTP.
//
//	fenced, err := fencinghttp.Server(register, fencinghttp.Options{
//		Resource: func(r *http.Request) string { return r.PathValue("volume") },
//	})
//	mux.Handle("PUT /volumes/{volume}/{file}", fenced(write)) // runs inside of Register.Do
//
//	client := &http.Client{Transport: fencinghttp.Transport(nil)}
//	err = guard.Do(ctx, func(ctx context.Context, _ lease.Grant) error { // ctx carries the token
//		request, err := http.NewRequestWithContext(ctx, "PUT", url, body)
//		…
//		response, err := client.Do(request)
//		…
//		return fencinghttp.Refused(response) // a *fencing.StaleError if the lease was lost
//	})
//
// The token is in the header Fencing-Token, in decimal. What is not written:
//
//	no token                      428  and whoever forgot it hears so
//	not one token, or no resource 400  or a token above MaxStep, or a body that did not arrive
//	a stale token                 412  with the highest one in Fencing-Token-Highest
//	a body above MaxBody          413
//	a register that has ended     503  or is full, or a client that did not wait
//
// The body is read before the token is looked at. Otherwise a client that is stopped in the midst of sending one would keep the
// register waiting for its write, and with it the next holder of the lease.
//
// HAZARD: so would one that is stopped before it has taken a long reply. Keep the replies to writes short, and set http.Server.WriteTimeout.
//
// HAZARD: whoever can reach the server can send any token, and one far above the highest locks all others out. Authenticate, and see
// fencing.Options.MaxStep.
package fencinghttp
