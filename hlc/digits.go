package hlc

// chars lets one parser read strings and bytes without a copy.
type chars interface{ ~string | ~[]byte }

// flaw is what a parser found wrong, and where; the zero flaw is nothing. It
// becomes a ParseError only at the rim, so that parsing does not allocate.
type flaw struct {
	offset  int
	problem string
}

func (f flaw) found() bool { return f.problem != "" }

// fail is the error of a flaw.
func fail[T chars](form string, input T, f flaw) error {
	return &ParseError{Form: form, Input: string(input), Offset: f.offset, Problem: f.problem}
}

// number reads a decimal number of at most most, without leading zeros, from
// s[at:], and returns it with the offset behind it.
func number[T chars](s T, at int, most uint64) (value uint64, next int, f flaw) {
	for next = at; next < len(s); next++ {
		digit := uint64(s[next] - '0')
		switch {
		case digit > 9:
			if next == at {
				return 0, 0, flaw{at, "a digit is expected"}
			}
			return value, next, flaw{}
		case value == 0 && next > at:
			return 0, 0, flaw{at, "a number begins with 0"}
		case value > most/10 || value*10 > most-digit:
			return 0, 0, flaw{at, "the number is too large"}
		}
		value = value*10 + digit
	}
	if next == at {
		return 0, 0, flaw{at, "a digit is expected"}
	}
	return value, next, flaw{}
}

// fixed reads exactly width digits, at most 19, from s[at:].
func fixed[T chars](s T, at, width int) (value uint64, f flaw) {
	for i := at; i < at+width; i++ {
		if i >= len(s) || s[i]-'0' > 9 {
			return 0, flaw{min(i, len(s)), "a digit is expected"}
		}
		value = value*10 + uint64(s[i]-'0')
	}
	return value, flaw{}
}

// literal checks that the byte c stands at s[at].
func literal[T chars](s T, at int, c byte, problem string) flaw {
	if at >= len(s) || s[at] != c {
		return flaw{min(at, len(s)), problem}
	}
	return flaw{}
}

// tenDigits writes v, below 10^10, to b[:10]. Its divisions do not wait for each
// other, as those of a loop do.
func tenDigits(b []byte, v uint64) {
	_ = b[9]
	high, low := uint32(v/1e8), uint32(v%1e8)
	upper, lower := low/1e4, low%1e4
	twoDigits(b, high)
	twoDigits(b[2:], upper/100)
	twoDigits(b[4:], upper%100)
	twoDigits(b[6:], lower/100)
	twoDigits(b[8:], lower%100)
}

// twoDigits writes v, below 100, to b[:2].
func twoDigits(b []byte, v uint32) {
	pair := pairs[2*v:]
	b[0], b[1] = pair[0], pair[1]
}

// leadingZeros counts those at the beginning of digits.
func leadingZeros(digits []byte) int {
	for i, c := range digits {
		if c != '0' {
			return i
		}
	}
	return len(digits)
}

// pairs are the numbers below 100: two digits for one division.
const pairs = "00010203040506070809" +
	"10111213141516171819" +
	"20212223242526272829" +
	"30313233343536373839" +
	"40414243444546474849" +
	"50515253545556575859" +
	"60616263646566676869" +
	"70717273747576777879" +
	"80818283848586878889" +
	"90919293949596979899"
