package commitwait

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"hash/crc32"
	"strings"

	"github.com/trueclock/trueclock/hlc"
)

// Tokens turns timestamps into opaque strings for clients and back: a session hands the token of its last
// commit or snapshot to its next request, wherever that goes, as a floor of Commit or for Mode.AtLeast. The zero
// Tokens is ready to use, and finds accidents; with a key a client cannot make one up.
//
//	version 1 | timestamp, 12 bytes, big-endian | CRC-32C, 4 bytes              | base64url
//	version 2 | timestamp, 12 bytes, big-endian | HMAC-SHA-256, first 16 bytes | base64url
//
// HAZARD: without a key a client can choose a floor, and so hold commits up by MaxFloorLead.
type Tokens struct {
	key []byte
}

// NewTokens returns Tokens that are signed with a key of at least 16 bytes, the same on all nodes. It
// returns an error for a shorter one.
func NewTokens(key []byte) (Tokens, error) {
	if len(key) < 16 {
		return Tokens{}, errors.New("commitwait: a key of tokens has at least 16 bytes")
	}
	return Tokens{key: bytes.Clone(key)}, nil
}

// TokenError reports a string that is no token, or not one of this key.
type TokenError struct{ Problem string }

func (e *TokenError) Error() string { return "commitwait: no session token: " + e.Problem }

const (
	checked = 1 // the version whose end is a checksum
	signed  = 2 // and a signature
)

// Seal returns the token of a timestamp, of 23 or 39 letters, digits, - and _. It returns a
// [*hlc.RangeError] for a timestamp before 1970.
func (k Tokens) Seal(ts hlc.Timestamp) (string, error) {
	version := byte(checked)
	if k.key != nil {
		version = signed
	}
	b, err := ts.AppendBinary([]byte{version})
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(append(b, k.end(b)...)), nil
}

// Open returns the timestamp of a token, or a [*TokenError].
func (k Tokens) Open(token string) (hlc.Timestamp, error) {
	const longest = 64
	switch {
	case len(token) > longest:
		return hlc.Timestamp{}, &TokenError{"it is too long"}
	case strings.ContainsAny(token, "\r\n"): // which base64 would skip
		return hlc.Timestamp{}, &TokenError{"it is not base64url"}
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	const body = 1 + hlc.BinaryLen
	switch {
	case err != nil:
		return hlc.Timestamp{}, &TokenError{"it is not base64url"}
	case len(b) <= body:
		return hlc.Timestamp{}, &TokenError{"it is too short"}
	case k.key == nil && b[0] != checked:
		return hlc.Timestamp{}, &TokenError{"its version is not 1: is it signed, and the key missing here?"}
	case k.key != nil && b[0] != signed:
		return hlc.Timestamp{}, &TokenError{"it is not signed"}
	case !hmac.Equal(b[body:], k.end(b[:body])):
		return hlc.Timestamp{}, &TokenError{"its checksum or signature is wrong"}
	}
	var ts hlc.Timestamp
	if err := ts.UnmarshalBinary(b[1:body]); err != nil {
		return hlc.Timestamp{}, &TokenError{err.Error()}
	}
	return ts, nil
}

// end is what protects the body: a signature if there is a key.
func (k Tokens) end(body []byte) []byte {
	if k.key == nil {
		sum := crc32.Checksum(body, castagnoli)
		return []byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}
	}
	mac := hmac.New(sha256.New, k.key)
	mac.Write(body)
	return mac.Sum(nil)[:16]
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)
