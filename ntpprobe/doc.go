// Package ntpprobe asks NTP servers for the time and turns their replies into a
// [truetime.Bound]: two lines that enclose true time, and that stay true even if
// some of the servers lie.
//
// # From packets to a bound
//
//	exchange → sample → window (one server) → agreement (all servers) → bound
//
// An exchange gives four timestamps: T1 and T4 from the local clock when the
// request left and the reply arrived, T2 and T3 from the server when it received
// and answered. The request was received after it was sent, and the reply sent
// before it was received, so with E, the server's own error,
//
//	true time at T1 ≤ T2 + E        one upper constraint
//	true time at T4 ≥ T3 − E        one lower constraint
//
// On Linux T4 comes from the kernel's receive stamp where that can be believed, so
// a busy program does not widen the result.
//
// Nothing is assumed about the two directions being equally fast, so an
// asymmetric or delayed path widens the result and never makes it wrong. NTP's
// familiar offset, half-way between the two, is only for display.
//
//	E = root delay/2 + root dispersion + precision + rounding + margin
//
//	root delay/2     the server's own path to its reference, from the packet
//	root dispersion  what the server says it may be off, from the packet
//	precision        how finely the server reads its clock, from the packet
//	rounding         root fields have steps of 15.3 µs, and some servers round down
//	margin           what the user adds because he trusts the server less
//
// The local clock may run wrong by the drift D, so a constraint ages by D times
// its distance. Each server keeps the constraints of a window; the best upper
// and the best lower one may come from different packets. Across servers
// [truetime.Agree] takes the hull of all points in at least n − f of the n
// intervals. f is fixed by configuration.
//
// # Leap seconds
//
// True time is POSIX time, which repeats a second when one is inserted and skips one
// when one is deleted. Samples before and after it are a second apart, so they are kept apart, and a
// bound that could be asked on the other side is widened by 1 s each way, or refused
// ([LeapPolicy]). That one comes is believed when more failure domains announce it than may
// lie. In the inserted second both ways of counting it are in the interval.
//
// HAZARD: an honest server must announce it for Window + MaxAge + 1 s before it and make the step
// within 30 s after it. A server that smears must be declared with Server.Smear.
//
// # What to use
//
//	Query      one exchange with one server
//	Measure    a few exchanges with several servers, and one answer
//	Prober     polls for ever and publishes bounds to a truetime.Clock
//	Estimator  the pure arithmetic under both, for simulators and replays
//
// # Sign
//
// An offset is reference − local: positive means that the local clock is slow.
//
// HAZARD: NTP without authentication is believed as it comes. Somebody on the
// path can forge replies of all servers reached through it; only the choice of
// servers in different failure domains helps. And E is the server's word: where it is known to
// be a standard deviation instead of a bound, set Server.Scale.
//
// Sources: RFC 5905 (NTP), RFC 8633 (how to choose servers, smears), ITU-R TF.460 (leap seconds), Marzullo and Owicki
// 1985 (agreement).
package ntpprobe
