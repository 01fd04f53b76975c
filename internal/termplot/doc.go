// Package termplot draws a band over time in the cells of a terminal, and counts and cuts
// text by the cells that it takes. It is pure: points and a size come in, lines go out.
package termplot
