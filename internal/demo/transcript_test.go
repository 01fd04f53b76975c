package demo

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the transcripts anew")

// exact are the lessons in which nothing is measured: their transcripts are kept to the letter.
var exact = map[string]bool{"lww": true, "backstep": true, "poison": true}

// TestTranscripts: what each lesson says is kept in testdata, so that a change to it is seen in a review. What differs
// from run to run, numbers and what they push aside, is kept as # and one blank.
func TestTranscripts(t *testing.T) {
	for _, lesson := range Lessons() {
		t.Run(lesson.Name, func(t *testing.T) {
			var out bytes.Buffer
			require.NoError(t, Run(t.Context(), Options{Out: &out, Seed: 1, Child: child, ShowReport: quiet}, []Lesson{lesson}), "%s", &out)
			got := out.Bytes()
			if !exact[lesson.Name] {
				got = blur(got)
			}
			file := filepath.Join("testdata", lesson.Name+".golden")
			if *update {
				require.NoError(t, os.WriteFile(file, got, 0o644))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err, "go test ./internal/demo -run Transcripts -update")
			require.Equal(t, string(want), string(got), "if it is meant: go test ./internal/demo -run Transcripts -update")
		})
	}
	files, err := filepath.Glob(filepath.Join("testdata", "*.golden"))
	require.NoError(t, err)
	require.Len(t, files, len(Lessons()), "a transcript of a lesson that is none")
}

var (
	numbers = regexp.MustCompile(`[-+]?\d[\d.:,-]*((ns|µs|ms|s|m|h)[\d.]*)*\b`)
	chance  = regexp.MustCompile(`(?m)T# is stamped.*$`) // "-" if it did not happen
	order   = regexp.MustCompile(`\b(before|after)\b`)
	blanks  = regexp.MustCompile(` +`)
)

// blur makes transcripts of two runs the same.
func blur(text []byte) []byte {
	text = numbers.ReplaceAll(text, []byte("#"))
	text = chance.ReplaceAll(text, []byte("-"))
	text = order.ReplaceAll(text, []byte("before or after"))
	return blanks.ReplaceAll(text, []byte(" "))
}
