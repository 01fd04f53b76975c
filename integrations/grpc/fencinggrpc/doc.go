// Package fencinggrpc carries the tokens of truetime/fencing over gRPC, in the metadata "fencing-token", in decimal.
//
// What is not written: FailedPrecondition for a stale token, with the highest one in the trailer "fencing-token-highest"; InvalidArgument if
// there is not one token, or no resource; Unavailable when the register cannot say. On the client's side of a unary
// method the first becomes a *fencing.StaleError, beside the status that it is; a stream ends with the status, and has the trailer.
//
// A unary method runs inside of Register.Do: its request has arrived as a whole before. A stream would be there for as long as the client
// likes, and keep the next holder of the lease waiting; so StreamServer only reads the token, and the handler calls Register.Do for each write.
//
// HAZARD: whoever can reach the server can send any token, and one far above the highest locks all others out. Authenticate, and see
// fencing.Options.MaxStep.
package fencinggrpc
