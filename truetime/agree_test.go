package truetime_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime"
)

// agreeCase is one story of testdata/agree; honest.txt explains the format.
type agreeCase struct {
	name, why     string
	faulty        int
	in            []truetime.Interval
	chimers, lies []int
	truth         *int64
	deepest, want *truetime.Interval
	refused, err  string
}

func TestAgree_Stories(t *testing.T) {
	files, err := filepath.Glob("../testdata/agree/*.txt")
	require.NoError(t, err)
	total := 0
	for _, file := range files {
		for _, c := range readAgreeCases(t, file) {
			total++
			t.Run(c.name, func(t *testing.T) {
				require.NotEmpty(t, c.why, "a case needs its sentence")
				got, err := truetime.Agree(c.in, c.faulty)
				if c.deepest != nil {
					assert.Equal(t, *c.deepest, deepestOverlap(c.in), "the deepest overlap")
				}
				if c.want == nil {
					checkRefusal(t, c, got, err)
					return
				}
				require.NoError(t, err, c.why)
				assert.Equal(t, truetime.Agreement{Interval: *c.want, Faulty: c.faulty, Truechimers: c.chimers, Falsetickers: c.lies}, got, c.why)
				if c.truth != nil {
					assert.True(t, covers(got.Interval, *c.truth), "true time %d is lost: %s", *c.truth, c.why)
				}
			})
		}
	}
	assert.GreaterOrEqual(t, total, 25, "the case files were found")
}

func checkRefusal(t *testing.T, c agreeCase, got truetime.Agreement, err error) {
	assert.Zero(t, got, "no half result beside an error")
	if c.err != "" {
		require.EqualError(t, err, c.err)
		assert.NotErrorIs(t, err, truetime.ErrNoQuorum)
		return
	}
	var refusal *truetime.NoQuorumError
	require.ErrorAs(t, err, &refusal, c.why)
	assert.ErrorIs(t, err, truetime.ErrNoQuorum)
	assert.Equal(t, c.refused, refusal.Detail())
	assert.EqualError(t, err, "truetime: no quorum: "+c.refused)
	assert.Equal(t, len(c.in) >= 2*c.faulty+1, refusal.Disproved(), "disproved means: enough data, and it contradicts itself")
}

func readAgreeCases(t *testing.T, file string) (cases []agreeCase) {
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		key, rest, _ := strings.Cut(lines.Text(), " ")
		if key == "##" {
			cases = append(cases, agreeCase{name: rest})
			continue
		}
		if key == "" || strings.HasPrefix(key, "#") {
			continue
		}
		require.NotEmpty(t, cases, "%s:%d: a line before the first case", file, n)
		require.NoError(t, cases[len(cases)-1].parse(key, rest), "%s:%d: %s", file, n, lines.Text())
	}
	require.NoError(t, lines.Err())
	return cases
}

func (c *agreeCase) parse(key, rest string) error {
	var err error
	switch key {
	case "f":
		_, err = fmt.Sscan(rest, &c.faulty)
	case "truth":
		c.truth = new(int64)
		_, err = fmt.Sscan(rest, c.truth)
	case "deepest":
		c.deepest, err = parsePair(rest)
	case "|", "!", "?":
		var i *truetime.Interval
		if i, err = parsePair(rest); err != nil {
			return err
		}
		switch key {
		case "|":
			c.chimers = append(c.chimers, len(c.in))
		case "!":
			c.lies = append(c.lies, len(c.in))
		}
		c.in = append(c.in, *i)
	case "=":
		if detail, ok := strings.CutPrefix(rest, "refused "); ok {
			c.refused = detail
		} else if text, ok := strings.CutPrefix(rest, "error "); ok {
			c.err = text
		} else {
			c.want, err = parsePair(rest)
		}
	default:
		c.why += key + " " + rest
	}
	return err
}

func parsePair(s string) (*truetime.Interval, error) {
	var lo, hi int64
	if _, err := fmt.Sscan(s, &lo, &hi); err != nil {
		return nil, err
	}
	i, err := truetime.NewInterval(lo, hi)
	return &i, err
}

// The sentences end up in logs and on screens, so they are exact.
func TestNoQuorumError_DetailIsASentence(t *testing.T) {
	for _, c := range []struct {
		err       truetime.NoQuorumError
		want      string
		disproved bool
	}{
		{truetime.NoQuorumError{Domains: 2, Faulty: 1, Best: 2, Needed: 3}, "2 sources have usable data, 3 needed (1 may lie)", false},
		{truetime.NoQuorumError{Domains: 1, Faulty: 1, Best: 1, Needed: 3}, "1 source has usable data, 3 needed (1 may lie)", false},
		{truetime.NoQuorumError{Domains: 3, Faulty: 1, Best: 0, Needed: 2}, "each of 3 sources contradicts itself, 2 needed (1 may lie)", true},
		{truetime.NoQuorumError{Domains: 3, Faulty: 1, Best: 1, Needed: 2}, "no two of 3 sources share a point, 2 needed (1 may lie)", true},
		{truetime.NoQuorumError{Domains: 4, Faulty: 1, Best: 2, Needed: 3}, "2 of 4 sources share a point, 3 needed (1 may lie)", true},
	} {
		assert.Equal(t, c.want, c.err.Detail())
		assert.Equal(t, c.disproved, c.err.Disproved(), c.want)
		assert.EqualError(t, &c.err, "truetime: no quorum: "+c.want)
		assert.ErrorIs(t, fmt.Errorf("prober: %w", &c.err), truetime.ErrNoQuorum)
	}
}
