// Package skew compares the clocks of nodes and watches a fleet for the one that is out.
//
// Each node says two things of one moment: what its wall clock showed, and between which two
// times the true time was (a [Node]; [Look] makes one). From two such claims [Compare]
// knows how far the two wall clocks can be apart, and whether the claims can both be true. Claims
// come with the readings of the asker's local clock between which they were asked for, so it does not
// matter who was asked first, or how long the answer took.
//
// [Matrix] compares each with each and judges: a node is healthy if more than half of all nodes are certainly
// within the limit of it, and is to be evicted if more than half are healthy and certainly out of it or
// disprove it. Of everything else nothing is known. "All nodes" are the configured ones, the silent ones too: two
// halves of a fleet never evict each other, and a node that is cut off, or that hears nobody, is unknown
// and not bad. As long as the nodes that lie or whose clocks are out are fewer than half, they can neither evict
// one that is right nor make one healthy that is out (Kleppmann, Designing Data-Intensive Applications,
// ch. 8: the truth is defined by the majority).
//
// [Monitor] does that round after round. One round proves little to those who act on it, so a verdict to
// evict needs several, is taken back only after several healthy ones, and never falls on half of the
// fleet at once.
//
// It watches wall clocks, never hybrid logical clocks: these take over the time of whoever is ahead, so
// that in a fleet with one bad clock all of them look alike.
//
// HAZARD: a verdict is the opinion of the node that asks. Two nodes can differ in a round in which they
// heard different ones. A node that acts on its verdict on others must make that an agreed decision, by
// consensus; a node that acts on the verdict on itself needs nobody.
package skew
