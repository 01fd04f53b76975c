package main

import (
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"

	"github.com/trueclock/trueclock/hlc"
)

// layout is where a shard keeps what in etcd:
//
//	<shard>/owner/<lease>      the candidates; the oldest is the owner, and its create revision the fence of every write
//	<shard>/bound              at or above every timestamp that was assigned or read; the next owner begins above it
//	<shard>/commit/<ts>        what became of the commit at ts: the create revision of the owner who wrote it, or "aborted"
//	<shard>/data/<key>/<ts>    a value, written once and never changed
//
// A timestamp in a key is the descending form in hexadecimal, so that the first key from ts on is the newest version at or
// below ts. Shards and keys are escaped: no key's versions lie among those of another.
type layout struct{ shard, prefix string }

func layoutOf(shard string) layout { return layout{shard, url.PathEscape(shard) + "/"} }

func (l layout) candidates() string { return l.prefix + "owner" } // the election adds the slash
func (l layout) bound() string      { return l.prefix + "bound" }
func (l layout) records() string    { return l.prefix + "commit/" }

func (l layout) record(ts hlc.Timestamp) string { return l.records() + newestFirst(ts) }

func (l layout) versions(key string) string { return l.prefix + "data/" + url.PathEscape(key) + "/" }

func (l layout) version(key string, ts hlc.Timestamp) string {
	return l.versions(key) + newestFirst(ts)
}

// newestFirst is a timestamp in a key. It is of a commit or a snapshot, which do not lie before 1970.
func newestFirst(ts hlc.Timestamp) string {
	b, err := ts.AppendDescending(nil)
	if err != nil {
		return strings.Repeat("f", 2*hlc.BinaryLen) // after all that was ever written
	}
	return hex.EncodeToString(b)
}

// timestampOf reads the end of a key back.
func timestampOf(key []byte) (hlc.Timestamp, error) {
	text := string(key[strings.LastIndexByte(string(key), '/')+1:])
	b, err := hex.DecodeString(text)
	if err != nil {
		return hlc.Timestamp{}, fmt.Errorf("etcd: no timestamp ends the key %q: %w", key, err)
	}
	return hlc.ParseDescending(b)
}
