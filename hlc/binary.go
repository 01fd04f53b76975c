package hlc

import "encoding/binary"

// BinaryLen is the length of the binary and of the descending form in bytes.
const BinaryLen = 12

// AppendBinary appends the canonical form, twelve bytes whose order is that of the
// timestamps:
//
//	0               8       12
//	+---------------+-------+
//	| WallTime      |Logical|   both big-endian
//	+---------------+-------+
//
// It returns a [*RangeError] before 1970. It makes a Timestamp an [encoding.BinaryAppender].
func (t Timestamp) AppendBinary(b []byte) ([]byte, error) {
	if t.WallTime < 0 {
		return b, &RangeError{t, "binary", before1970}
	}
	b = binary.BigEndian.AppendUint64(b, uint64(t.WallTime))
	return binary.BigEndian.AppendUint32(b, t.Logical), nil
}

// AppendDescending appends the binary form with every bit turned: later timestamps
// come first, as in a key whose newest version is to be found first. Errors as in AppendBinary.
func (t Timestamp) AppendDescending(b []byte) ([]byte, error) {
	if t.WallTime < 0 {
		return b, &RangeError{t, "descending", before1970}
	}
	b = binary.BigEndian.AppendUint64(b, ^uint64(t.WallTime))
	return binary.BigEndian.AppendUint32(b, ^t.Logical), nil
}

// MarshalBinary returns the binary form. Errors as in AppendBinary.
func (t Timestamp) MarshalBinary() ([]byte, error) { return t.AppendBinary(nil) }

// UnmarshalBinary parses as [ParseBinary] does, and leaves t alone on an error.
func (t *Timestamp) UnmarshalBinary(data []byte) error {
	parsed, err := ParseBinary(data)
	if err == nil {
		*t = parsed
	}
	return err
}

// ParseBinary reads the binary form: exactly twelve bytes, the first below 0x80, so that
// it never takes a descending form for an ascending one, nor a packed uint64 or a key
// whose logical part was left out for a timestamp. It returns a [*ParseError].
func ParseBinary(data []byte) (Timestamp, error) {
	switch {
	case len(data) != BinaryLen:
		return Timestamp{}, fail("binary", data, flaw{min(len(data), BinaryLen), "twelve bytes are expected"})
	case data[0] >= 0x80:
		return Timestamp{}, fail("binary", data, flaw{0, "a time before 1970, or the descending form"})
	}
	return Timestamp{WallTime: int64(binary.BigEndian.Uint64(data)), Logical: binary.BigEndian.Uint32(data[8:])}, nil
}

// ParseDescending reads the descending form, strictly as ParseBinary does.
func ParseDescending(data []byte) (Timestamp, error) {
	switch {
	case len(data) != BinaryLen:
		return Timestamp{}, fail("descending", data, flaw{min(len(data), BinaryLen), "twelve bytes are expected"})
	case data[0] < 0x80:
		return Timestamp{}, fail("descending", data, flaw{0, "a time before 1970, or the ascending form"})
	}
	return Timestamp{WallTime: int64(^binary.BigEndian.Uint64(data)), Logical: ^binary.BigEndian.Uint32(data[8:])}, nil
}
