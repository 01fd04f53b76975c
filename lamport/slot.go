package lamport

import (
	"encoding/binary"
	"hash/crc32"
)

// A slot of the file holds one record, 32 bytes, big-endian:
//
//	bytes 0–7     "lamport1"
//	bytes 8–15    the sequence, one higher with each bound saved
//	bytes 16–23   the bound
//	bytes 24–27   CRC-32C of the bytes before
//	bytes 28–31   zero
//
// The slots are a page apart, so that no write touches both.
const (
	slotMagic    = "lamport1"
	slotSize     = 32
	slotDistance = 4096
	slotCount    = 2
)

type record struct{ sequence, bound uint64 }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (r record) encode() []byte {
	b := append(make([]byte, 0, slotSize), slotMagic...)
	b = binary.BigEndian.AppendUint64(b, r.sequence)
	b = binary.BigEndian.AppendUint64(b, r.bound)
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return b[:slotSize]
}

// decodeRecord reports whether a slot's bytes are a record.
func decodeRecord(b []byte) (record, bool) {
	if len(b) != slotSize {
		return record{}, false
	}
	r := record{sequence: binary.BigEndian.Uint64(b[8:]), bound: binary.BigEndian.Uint64(b[16:])}
	return r, string(b) == string(r.encode())
}
