// Package doctor looks for what makes clocks wrong, or an interval weaker than it looks: on this
// machine, and among the servers it asks. Each [Check] says what it found, what the
// limit is, why it matters and what to do.
//
// [Read] collects what the machine says, from a file system that is / in earnest and a
// map in tests; parsers and judges are pure. It only reads.
package doctor
