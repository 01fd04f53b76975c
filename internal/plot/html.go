package plot

import (
	"fmt"
	"strings"
)

// HTML puts figures and lines of text on one page that works from a file, without a
// network and without scripts.
func HTML(title string, lines []string, width, height int, figures ...Figure) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<title>%s</title>
<style>
body{font:15px/1.45 system-ui,sans-serif;margin:1.5rem auto;max-width:64rem;padding:0 1rem;color:#222;background:#fff}
svg{width:100%%;height:auto}pre{overflow-x:auto;font-size:13px}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#161616}}
</style>
</head>
<body>
<h1>%s</h1>
`, escape(title), escape(title))
	b.WriteString(SVG(width, height, figures...))
	b.WriteString("<pre>")
	for _, line := range lines {
		b.WriteString(escape(line) + "\n")
	}
	b.WriteString("</pre>\n</body>\n</html>\n")
	return b.String()
}
