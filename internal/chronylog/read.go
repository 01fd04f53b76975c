package chronylog

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// Kind says which log it is.
type Kind string

// The logs that are known.
const (
	Measurements Kind = "measurements"
	Tracking     Kind = "tracking"
	Statistics   Kind = "statistics"
)

// Bounded reports whether the log says how wrong its offsets may be. A statistics log does
// not: it has standard deviations, and nothing of what is behind the server.
func (k Kind) Bounded() bool { return k != Statistics }

// Point is one line: true time less the system clock is Offset ± Half, if whoever
// measured it is right.
type Point struct {
	At     time.Time // UTC, a whole second
	Source string    // address of the server; of the reference that is followed in a tracking log
	Offset time.Duration
	Half   time.Duration // 0 and without meaning in a log that is not Bounded

	// What chronyd's regression says, in a statistics log only: estimates, not bounds.
	Deviation time.Duration // standard deviation of Offset
	Rate      float64       // of true time against the system clock, less 1: positive, it is slow
	Skew      float64       // estimated error of Rate
}

// Log is what was read.
type Log struct {
	Kind    Kind
	Points  []Point
	Unready int // lines of replies that failed chronyd's tests, or of a clock that was not synchronised
}

// headers are words of the header line that tell the logs apart, and how many columns a
// line has at least.
var headers = []struct {
	kind    Kind
	words   []string
	columns int
	parse   func([]string) (Point, bool, error)
}{
	{Measurements, []string{"IP Address", "Peer del.", "Root disp."}, 17, parseMeasurement},
	{Tracking, []string{"IP Address", "Freq ppm", "Max. error"}, 14, parseTracking},
	{Statistics, []string{"IP Address", "Est offset", "Diff freq", "Est skew"}, 12, parseStatistics},
}

// ErrUnknown: no header line of a log that is known.
var ErrUnknown = errors.New("no header line of chrony's measurements, statistics or tracking log before the first entry")

// IsHeader reports whether a line is the frame or the header with which chronyd begins a log.
func IsHeader(line string) bool {
	return strings.HasPrefix(line, "=====") || strings.HasPrefix(strings.TrimSpace(line), "Date (UTC) Time")
}

// Read reads a log. Its form is told by the header line, which is repeated in between.
// warn is told of each line that is skipped because it is torn; nil for nobody. It returns
// [ErrUnknown], errors of r, and [bufio.ErrTooLong] for a line of more than 64 KiB, with the
// number of the line.
func Read(r io.Reader, warn func(line int, why string)) (Log, error) {
	var log Log
	current, number := -1, 0
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		number++
		switch {
		case strings.HasPrefix(line, "=====") || strings.TrimSpace(line) == "":
			continue
		case IsHeader(line):
			found := recognize(line)
			if found < 0 || current >= 0 && found != current {
				return Log{}, fmt.Errorf("line %d: %w", number, ErrUnknown)
			}
			current, log.Kind = found, headers[found].kind
			continue
		case current < 0:
			return Log{}, fmt.Errorf("line %d: %w", number, ErrUnknown)
		}
		fields := strings.Fields(line)
		if want := headers[current].columns; len(fields) < want {
			skip(warn, number, fmt.Sprintf("%d columns, %d expected", len(fields), want))
			continue
		}
		point, ready, err := headers[current].parse(fields)
		switch {
		case err != nil:
			skip(warn, number, err.Error())
		case !ready:
			log.Unready++
		default:
			log.Points = append(log.Points, point)
		}
	}
	if err := lines.Err(); err != nil {
		return Log{}, fmt.Errorf("line %d: %w", number+1, err)
	}
	if current < 0 {
		return Log{}, ErrUnknown
	}
	return log, nil
}

func skip(warn func(int, string), line int, why string) {
	if warn != nil {
		warn(line, why)
	}
}

// recognize returns which log a header line is of, or −1.
func recognize(line string) int {
	for i, h := range headers {
		all := true
		for _, word := range h.words {
			all = all && strings.Contains(line, word)
		}
		if all {
			return i
		}
	}
	return -1
}

// parseMeasurement: the offset is positive if the local clock is slow, and the claim
// around it is the delay of this exchange and all that is behind the server.
func parseMeasurement(f []string) (Point, bool, error) {
	p, err := begin(f)
	offset, unit := seconds(f[11], &err)
	half := atMost(f[12], &err)/2 + atMost(f[13], &err) + atMost(f[14], &err)/2 + atMost(f[15], &err)
	if err != nil {
		return Point{}, false, err
	}
	ready := f[3] != "?" && !strings.Contains(f[5]+f[6]+f[7], "0")
	p.Offset, p.Half = nanos(offset), up(half+unit/2)
	return p, ready, nil
}

// parseTracking: the offset is positive if the clock is fast, which is turned; what
// remains of the correction before is positive if it is slow. Root delay and dispersion are
// those that chronyc tracking would show.
func parseTracking(f []string) (Point, bool, error) {
	p, err := begin(f)
	offset, unit := seconds(f[6], &err)
	rest, unit2 := seconds(f[10], &err)
	half := atMost(f[11], &err)/2 + atMost(f[12], &err)
	if err != nil {
		return Point{}, false, err
	}
	p.Offset, p.Half = nanos(rest-offset), up(half+(unit+unit2)/2)
	return p, f[7] != "?" && f[3] != "0", nil
}

// parseStatistics: offset and frequency are positive if the local clock is fast and gains,
// which is turned.
func parseStatistics(f []string) (Point, bool, error) {
	p, err := begin(f)
	offset, _ := seconds(f[4], &err)
	deviation, _ := seconds(f[5], &err)
	rate, _ := seconds(f[6], &err)
	skew, _ := seconds(f[7], &err)
	if err != nil {
		return Point{}, false, err
	}
	p.Offset, p.Deviation, p.Rate, p.Skew = nanos(-offset), nanos(deviation), 0-rate, skew
	return p, true, nil
}

func begin(f []string) (Point, error) {
	at, err := time.Parse("2006-01-02 15:04:05", f[0]+" "+f[1])
	return Point{At: at, Source: f[2]}, err
}

// seconds parses a number like -4.966e-03 and returns the unit of its last digit as well.
func seconds(text string, err *error) (value, unit float64) {
	value, wrong := strconv.ParseFloat(text, 64)
	mantissa, exponent, _ := strings.Cut(text, "e")
	power, wrong2 := strconv.Atoi(exponent)
	if *err == nil && (wrong != nil || wrong2 != nil || !(math.Abs(value) < 1e9)) {
		*err = fmt.Errorf("%q is not a number of seconds", text)
	}
	_, decimals, _ := strings.Cut(mantissa, ".")
	return value, math.Pow10(power - len(decimals))
}

// atMost is the largest amount that is printed like this; a negative one counts as 0.
func atMost(text string, err *error) float64 {
	value, unit := seconds(text, err)
	return max(0, value+unit/2)
}

func nanos(seconds float64) time.Duration { return time.Duration(math.Round(seconds * 1e9)) }
func up(seconds float64) time.Duration    { return time.Duration(math.Ceil(seconds*1e9)) + 1 }
