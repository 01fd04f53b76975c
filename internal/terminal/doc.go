// Package terminal takes a whole terminal for a program that draws on it, and gives it back:
// the alternate screen, raw keys, a hidden cursor, no wrapping.
package terminal
