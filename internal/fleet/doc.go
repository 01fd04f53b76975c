// Package fleet runs NTP servers and delaying relays on loopback, in this
// process and over real UDP, for tests and for the demo. Its servers may lie,
// which real ones do too rarely to test with.
package fleet
