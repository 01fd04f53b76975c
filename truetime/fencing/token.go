package fencing

import (
	"context"
	"fmt"
	"strconv"
)

// Token is the number of a grant: higher than those of all grants of the same resource before. 0 is none.
type Token uint64

// String returns the decimal digits.
func (t Token) String() string { return strconv.FormatUint(uint64(t), 10) }

// Parse reads what String returns, and nothing else: no sign, no space, no zero in front, and not 0. The error is a [*ParseError].
func Parse(s string) (Token, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n == 0 || Token(n).String() != s {
		return 0, &ParseError{Text: shorten(s)}
	}
	return Token(n), nil
}

// ParseError reports what is not a token.
type ParseError struct {
	Text string // its beginning
}

func (e *ParseError) Error() string {
	return fmt.Sprintf("fencing: %q is not a token: a number from 1 to 2^64 - 1 in decimal", e.Text)
}

// shorten keeps a hostile text out of logs.
func shorten(s string) string { return s[:min(len(s), 32)] }

type tokenKey struct{}

// NewContext returns a context that carries the token to whatever sends it on, such as fencinghttp.Transport.
func NewContext(ctx context.Context, t Token) context.Context {
	return context.WithValue(ctx, tokenKey{}, t)
}

// FromContext returns the token that ctx carries; false if there is none.
func FromContext(ctx context.Context) (Token, bool) {
	t, ok := ctx.Value(tokenKey{}).(Token)
	return t, ok && t != 0
}
