package fencing

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
)

// MaxName is how long the name of a resource may be, in bytes.
const MaxName = 255

// table is what a copy on the disk says: the highest token of each resource, and a token below which none is accepted of any.
//
//	0  magic "fencetab"
//	8  version 1, uint32, big-endian as all that follows
//	12 how many resources, uint32
//	16 floor, uint64
//	24 per resource, in the order of the names: length of the name (1 byte), the name, the token (8)
//	   CRC-32C of all before
type table struct {
	floor Token
	max   map[string]Token
}

const (
	tableMagic   = "fencetab"
	tableVersion = 1
	tableHead    = 24
	tableEntry   = 1 + 1 + 8 // at least
	tableLimit   = tableHead + mostResources*(1+MaxName+8) + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (t table) encode() []byte {
	b := append(make([]byte, 0, tableHead+32*len(t.max)+4), tableMagic...)
	b = binary.BigEndian.AppendUint32(b, tableVersion)
	b = binary.BigEndian.AppendUint32(b, uint32(len(t.max)))
	b = binary.BigEndian.AppendUint64(b, uint64(t.floor))
	for _, name := range slices.Sorted(maps.Keys(t.max)) {
		b = append(append(b, byte(len(name))), name...)
		b = binary.BigEndian.AppendUint64(b, uint64(t.max[name]))
	}
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

var errDamaged = errors.New("a value is out of its range")

// decodeTable accepts what encode returns and nothing else.
func decodeTable(b []byte) (table, error) {
	switch {
	case len(b) < tableHead+4:
		return table{}, fmt.Errorf("%d bytes are too few", len(b))
	case string(b[:8]) != tableMagic:
		return table{}, errors.New("not a table of a register: wrong magic")
	case binary.BigEndian.Uint32(b[8:]) != tableVersion:
		return table{}, fmt.Errorf("version %d is not known", binary.BigEndian.Uint32(b[8:]))
	case crc32.Checksum(b[:len(b)-4], castagnoli) != binary.BigEndian.Uint32(b[len(b)-4:]):
		return table{}, errors.New("torn or damaged: wrong checksum")
	}
	count, rest := binary.BigEndian.Uint32(b[12:]), b[tableHead:len(b)-4]
	if count > mostResources || int(count) > len(rest)/tableEntry {
		return table{}, errDamaged
	}
	t := table{floor: Token(binary.BigEndian.Uint64(b[16:])), max: make(map[string]Token, count)}
	for last := ""; count > 0; count-- {
		if len(rest) < tableEntry || len(rest) < 1+int(rest[0])+8 {
			return table{}, errDamaged
		}
		end := 1 + int(rest[0])
		name, token := string(rest[1:end]), Token(binary.BigEndian.Uint64(rest[end:]))
		if name <= last || token == 0 { // sorted, so that none comes twice
			return table{}, errDamaged
		}
		t.max[name], last, rest = token, name, rest[end+8:]
	}
	if len(rest) > 0 {
		return table{}, errDamaged
	}
	return t, nil
}

// merge takes over what is higher in other.
func (t *table) merge(other table) {
	t.floor = max(t.floor, other.floor)
	if t.max == nil {
		t.max = map[string]Token{}
	}
	for name, token := range other.max {
		t.max[name] = max(t.max[name], token)
	}
}
