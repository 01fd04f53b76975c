// Package phi says how sure one may be that a peer is dead, from how regular its heartbeats were.
// It is the φ accrual failure detector of Hayashibara, Défago, Yared and Katayama (SRDS 2004).
//
// Nobody can tell a dead peer from a slow one. A timeout decides all the same, and a fixed one is
// wrong somewhere: too short where the network is busy, too long where it is quiet. This detector
// measures. It keeps the last intervals between heartbeats, takes them for normally distributed
// with their mean μ and deviation σ, and asks how likely a silence as long as the present one is
// if the peer lives:
//
//	φ(Δ) = −log₁₀(1 − F(Δ)),    1 − F(Δ) = ½ erfc((Δ − μ − pause) / (σ√2))
//
// φ = 3 says that one silence in a thousand gets so long. Each user draws the line elsewhere: one
// stops sending work at 3, another elects a new leader at 8. [Detector.Timeout] turns the line
// into the timeout that it amounts to at present.
//
// The probability is nominal. Real intervals have longer tails than a normal distribution: a lost
// packet, a GC pause. docs/failure-detector.md has the rates that were measured. Two options keep
// the detector from being surer than it may: the least deviation, since a peer that was regular
// for a minute need not stay so, and the acceptable pause. A silence longer than
// [Options.Longest] is an outage and not learnt from.
//
// A refused connection needs no statistics: the peer's machine says that nobody listens
// ([Detector.Down]). A pause of our own process is none of the peer's ([Detector.Excuse]).
//
// HAZARD: suspicion is a guess. A peer that is suspected may be alive and go on writing: what must
// not happen twice needs a lease and a fencing token. Time is the runtime's monotonic clock,
// so a step of the wall clock changes nothing; on Linux it stands still while the machine sleeps.
//
// It stands beside the leases and the pause monitor that it is used with and needs none of them.
package phi
