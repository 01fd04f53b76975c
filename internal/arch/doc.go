// Package arch holds the rules of docs/architecture.md as tests: who may import
// whom, what the library must not do, and that nothing here sets a clock.
package arch
