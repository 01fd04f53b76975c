// Package plot draws series as SVG, as an HTML page that needs nothing else, or as braille
// characters on a terminal. It is pure: numbers go in, text comes out, the same for the same
// numbers.
package plot
