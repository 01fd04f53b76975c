// Package record keeps what a prober saw in a file that outlives it: one JSON object a
// line, appended and never changed, so that the exchanges can be replayed later under other
// assumptions.
//
// Each line is a whole write. A process that is killed leaves at most a torn last line,
// which a reader skips and the next writer ends. What has reached the file survives the
// process. A machine that stops loses what its system had not yet written, unless
// Options.Sync; a full file is synced before it is renamed, and the last at its end.
//
// A line names its session, the run of one program. A session begins with an event "start",
// written again at the top of each file after a rotation: it names the servers, and the
// origin from which the session counts its local clock. Readings of two sessions, or of two
// epochs, are never compared.
package record
