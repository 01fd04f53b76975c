package hlc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"time"

	"github.com/trueclock/trueclock/internal/durable"
)

// DurableRecord is one saved state of a [Durable]: no timestamp above Bound was
// handed out before a record with a higher one was safe on the disk.
type DurableRecord struct {
	Node        uint64    // DurableOptions.Node
	Incarnation uint64    // counts starts, from 1
	Sequence    uint64    // counts records, from 1; odd ones lie in slot 1, even ones in slot 0
	Bound       Timestamp // nothing above it was handed out
	// MaxStep is how far the wall time of the next record's bound may lie above
	// this one's. It is what the record says about one that was lost.
	MaxStep time.Duration
	Clean   bool // written by Close: Bound is the last timestamp itself
}

// A record is 72 bytes, big-endian, and so lies within one sector:
//
//	0  magic "hlcbound"      24  incarnation      56  logical part of the bound
//	8  version 1, uint32     32  sequence         60  zero
//	12 flags: 1 = clean      40  largest step     64  zero
//	16 node                  48  wall time        68  CRC-32C of the 68 bytes before
const (
	recordSize    = 72
	recordMagic   = "hlcbound"
	recordVersion = 1
	flagClean     = 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (r DurableRecord) encode() []byte {
	b := make([]byte, 0, recordSize)
	flags := uint32(0)
	if r.Clean {
		flags = flagClean
	}
	b = append(b, recordMagic...)
	b = binary.BigEndian.AppendUint32(b, recordVersion)
	b = binary.BigEndian.AppendUint32(b, flags)
	for _, v := range []uint64{r.Node, r.Incarnation, r.Sequence, uint64(r.MaxStep), uint64(r.Bound.WallTime)} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	b = binary.BigEndian.AppendUint32(b, r.Bound.Logical)
	b = append(b, make([]byte, 8)...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// decodeRecord accepts what encode returns and nothing else.
func decodeRecord(b []byte) (DurableRecord, error) {
	switch {
	case len(b) != recordSize:
		return DurableRecord{}, fmt.Errorf("%d bytes instead of %d", len(b), recordSize)
	case string(b[:8]) != recordMagic:
		return DurableRecord{}, errors.New("not a bound of a clock: wrong magic")
	case binary.BigEndian.Uint32(b[8:]) != recordVersion:
		return DurableRecord{}, fmt.Errorf("version %d is not known", binary.BigEndian.Uint32(b[8:]))
	case crc32.Checksum(b[:68], castagnoli) != binary.BigEndian.Uint32(b[68:]):
		return DurableRecord{}, errors.New("torn or damaged: wrong checksum")
	}
	flags := binary.BigEndian.Uint32(b[12:])
	r := DurableRecord{
		Node: binary.BigEndian.Uint64(b[16:]), Incarnation: binary.BigEndian.Uint64(b[24:]), Sequence: binary.BigEndian.Uint64(b[32:]),
		MaxStep: time.Duration(binary.BigEndian.Uint64(b[40:])),
		Bound:   Timestamp{WallTime: int64(binary.BigEndian.Uint64(b[48:])), Logical: binary.BigEndian.Uint32(b[56:])},
		Clean:   flags == flagClean,
	}
	if flags > flagClean || binary.BigEndian.Uint64(b[60:]) != 0 || r.Sequence == 0 || r.Incarnation == 0 || r.MaxStep < 0 || r.Bound.WallTime < 0 {
		return DurableRecord{}, errors.New("a value is out of its range")
	}
	return r, nil
}

// reach is the highest bound that the record after r may have.
func (r DurableRecord) reach() Timestamp {
	return covering(durable.Plus(r.Bound.WallTime, int64(r.MaxStep)))
}

// covering is the bound that covers every timestamp with that wall time.
func covering(wall int64) Timestamp { return Timestamp{WallTime: wall, Logical: math.MaxUint32} }
