// Package compare sets trueclock and a real chronyd side by side: the same servers,
// paths and poll, and equal assumptions about the drift of the local clock. The
// operating system's time is the truth, since that is what the servers serve.
//
// Its main figure replays to the estimator the very replies that a chronyd got. A relay between
// the two notes the replies and when it passed them on, and chronyd notes
// the delay that it measured; an exchange put together from both is never more precise than
// chronyd's own (see [Exchange.Sample]). Both then read one clock, the wall
// clock, at the same moments.
//
// docs/comparison.md has the results and what is compared with what.
package compare
