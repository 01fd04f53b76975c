package history

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/hlc"
)

// decode makes any bytes a small history: per Op a byte each for the client and the outcome, the beginning, the duration, the timestamp,
// the number of keys, and per key one that says whether it is read or written, which it is, and the value.
func decode(data []byte) (ops []Op) {
	next := func() int {
		if len(data) == 0 {
			return 0
		}
		b := data[0]
		data = data[1:]
		return int(b)
	}
	for len(data) > 0 && len(ops) < 12 {
		who := next()
		op := Op{Client: who % 3, Invoked: time.Duration(next() % 32), Reads: map[string]int64{}, Writes: map[string]int64{}}
		op.Returned = op.Invoked + time.Duration(next()%16) - 1
		if who >= 192 {
			op.Returned = -1
		}
		op.TS = hlc.Timestamp{WallTime: int64(next() % 32)}
		for range next() % 4 {
			what := next()
			key := string(rune('x' + what/2%3))
			if value := int64(what / 8 % 16); what%2 == 0 {
				op.Reads[key] = value
			} else {
				op.Writes[key] = value
			}
		}
		ops = append(ops, op)
	}
	return ops
}

// encode is the other way round, for the seeds: what does not fit into a byte is cut off.
func encode(ops []Op) (data []byte) {
	for _, op := range ops {
		who, long := byte(op.Client%3), op.Returned-op.Invoked+1
		if !op.known() {
			who, long = who+192, 0
		}
		data = append(data, who, byte(op.Invoked), byte(long), byte(op.TS.WallTime), byte(len(op.Reads)+len(op.Writes)))
		for key, value := range op.Reads {
			data = append(data, byte(key[len(key)-1]%3)*2+byte(value)*8)
		}
		for key, value := range op.Writes {
			data = append(data, byte(key[len(key)-1]%3)*2+byte(value)*8+1)
		}
	}
	return data
}

// FuzzHistory: whatever the history, nobody panics, and the checks find what the oracle finds.
func FuzzHistory(f *testing.F) {
	f.Add([]byte{0, 0, 10, 9, 1, 9, 1, 11, 9, 8, 1, 0})
	r := newRand(f)
	for range 20 {
		f.Add(encode(draw(r, 6)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		ops := decode(data)
		agree(t, ops, "fuzzed")
		require.LessOrEqual(t, len(All(ops)), Limit*len(checks))
	})
}

// TestAnything_EqualsTheOracle: histories of pure noise; the fuzzer's inputs in every run.
func TestAnything_EqualsTheOracle(t *testing.T) {
	r := newRand(t)
	for range *histories {
		data := make([]byte, r.IntN(120))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		agree(t, decode(data), "noise")
	}
}
