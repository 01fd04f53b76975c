// Package mutants breaks the code on purpose, one line at a time, and demands
// that the test named for it fails. It proves that the safety tests can.
package mutants
