package ntpprobe

import "net/netip"

// source is one server as the estimator knows it.
type source struct {
	server    Server
	canonical string
	domain    string
	window    window
	after     window // of samples after the pending leap second

	last     Header         // of the newest reply, usable or not
	replied  bool           // last is set
	rejected *RejectedError // why the newest exchange gave no sample; nil if it did
	misses   int            // exchanges without a sample, in a row

	relearned int // samples since the wander was disproved
}

// moved reports whether a name now leads to another machine. What the old one said is
// then forgotten: it may share that machine's failure domain with others, which nothing
// would show any more.
func (src *source) moved(remote netip.AddrPort) bool {
	if src.forgotten() {
		return false
	}
	newest := src.window.newest
	if !src.after.empty() {
		newest = src.after.newest
	}
	before, known := hostOf(newest.Remote)
	now, ok := hostOf(remote)
	return known && ok && before != now
}

// forgotten reports whether nothing is left of what the server said.
func (src *source) forgotten() bool { return src.window.empty() && src.after.empty() }

// clear forgets what the server said.
func (src *source) clear() {
	src.window, src.after = window{samples: src.window.samples + src.after.samples}, window{}
}

// silent reports whether the server has given nothing usable for some time.
func (src *source) silent() bool { return src.misses >= resolveAgain }
