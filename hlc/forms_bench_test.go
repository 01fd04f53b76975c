package hlc

import (
	"testing"
	"time"
)

var benchTimestamp = Timestamp{1_790_000_000_123_456_789, 7}

// inLoop reports the cost of what loop does n times against time.Now in the same run.
// The loop is the caller's: a call through a function value would cost as much as the
// cheapest forms do.
func inLoop(b *testing.B, name string, loop func(n int)) {
	b.Run(name, func(b *testing.B) {
		began := time.Now()
		for range b.N {
			_ = time.Now()
		}
		floor := time.Since(began)
		b.ReportAllocs()
		b.ResetTimer()
		loop(b.N)
		b.ReportMetric(float64(b.Elapsed())/float64(floor), "×time.Now")
	})
}

func BenchmarkAppend(b *testing.B) {
	room, ts := make([]byte, 0, 64), benchTimestamp
	inLoop(b, "text", func(n int) {
		for range n {
			_, _ = ts.AppendText(room)
		}
	})
	inLoop(b, "decimal", func(n int) {
		for range n {
			_, _ = ts.AppendDecimal(room)
		}
	})
	inLoop(b, "sortable", func(n int) {
		for range n {
			_, _ = ts.AppendSortable(room)
		}
	})
	inLoop(b, "binary", func(n int) {
		for range n {
			_, _ = ts.AppendBinary(room)
		}
	})
	inLoop(b, "descending", func(n int) {
		for range n {
			_, _ = ts.AppendDescending(room)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	inLoop(b, "text", func(n int) {
		for range n {
			_, _ = Parse("1790000000.123456789,7")
		}
	})
	inLoop(b, "decimal", func(n int) {
		for range n {
			_, _ = ParseDecimal("1790000000123456789.0000000007")
		}
	})
	inLoop(b, "sortable", func(n int) {
		for range n {
			_, _ = ParseSortable("20260921T141320.123456789Z-0000000007")
		}
	})
	bytes := []byte("\x18\xd7\x5b\x84\x2b\x4e\xca\x00\x00\x00\x00\x07")
	inLoop(b, "binary", func(n int) {
		for range n {
			_, _ = ParseBinary(bytes)
		}
	})
}

func BenchmarkLayout(b *testing.B) {
	for _, l := range Layouts() {
		packed := uint64(0)
		inLoop(b, "pack/"+l.String(), func(n int) {
			for range n {
				packed, _ = l.Pack(benchTimestamp)
			}
		})
		inLoop(b, "round/"+l.String(), func(n int) {
			for range n {
				_, _ = l.Round(benchTimestamp)
			}
		})
		inLoop(b, "unpack/"+l.String(), func(n int) {
			for range n {
				_, _ = l.Unpack(packed)
			}
		})
	}
}
