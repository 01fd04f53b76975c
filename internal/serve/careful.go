package serve

import (
	"io"
	"log"
	"net/http"
)

// discard is where http.Server writes of clients that break off.
var discard = log.New(io.Discard, "", 0)

// policy lets the page load only what comes from here, and nobody frame it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// careful refuses every method but GET, and says to caches and browsers what they may do: an old
// interval is about an old reading.
func careful(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", policy)
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		if r.Method != http.MethodGet {
			h.Set("Allow", http.MethodGet)
			say(w, http.StatusMethodNotAllowed, "GET only")
			return
		}
		next.ServeHTTP(w, r)
	})
}
