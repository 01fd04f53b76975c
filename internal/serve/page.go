package serve

import (
	"embed"
	"net/http"
)

// page is all that a browser needs: nothing comes from elsewhere, so it works offline.
//
//go:embed page/index.html page/page.css page/page.js
var page embed.FS

// files answers with the page.
func files(mux *http.ServeMux) {
	for path, name := range map[string]string{"/{$}": "index.html", "/page.css": "page.css", "/page.js": "page.js"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, page, "page/"+name) })
	}
}
