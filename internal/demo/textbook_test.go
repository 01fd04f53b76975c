package demo

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var quoted = regexp.MustCompile("`([a-z-]+)`")

// TestTextbook_NamesEveryLesson: docs/textbook.md shows each lesson beside what it is about, and no other.
func TestTextbook_NamesEveryLesson(t *testing.T) {
	text, err := os.ReadFile("../../docs/textbook.md")
	require.NoError(t, err)
	var shown, lessons []string
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 6 {
			continue
		}
		for _, name := range quoted.FindAllStringSubmatch(cells[4], -1) {
			shown = append(shown, name[1])
		}
	}
	for _, lesson := range Lessons() {
		lessons = append(lessons, lesson.Name)
	}
	require.Subset(t, shown, lessons, "lessons that the document does not show")
	require.Subset(t, lessons, shown, "what it shows and is none")
}
