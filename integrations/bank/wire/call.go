package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const longest = 64 << 20 // of a message; the history of a long run is the longest

// Peer is a shard as its callers see it.
type Peer struct {
	Address string
	Client  *http.Client
}

// NewClient returns a client for any number of peers. A POST is never sent twice.
func NewClient() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute}}
}

// Call sends a request and returns the answer. After an error nobody knows whether it was carried out.
func Call[Q, A any](ctx context.Context, p Peer, path string, request Q) (answer A, err error) {
	body, err := json.Marshal(request)
	if err != nil {
		return answer, err
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.Address+path, bytes.NewReader(body))
	if err != nil {
		return answer, err
	}
	response, err := p.Client.Do(q)
	if err != nil {
		return answer, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, longest))
	if err != nil {
		return answer, err
	}
	if response.StatusCode != http.StatusOK {
		return answer, fmt.Errorf("%s%s: %s: %s", p.Address, path, response.Status, bytes.TrimSpace(text))
	}
	return answer, json.Unmarshal(text, &answer)
}

// Handle has requests on path answered by do. Its context ends when the caller gives up.
func Handle[Q, A any](mux *http.ServeMux, path string, do func(ctx context.Context, request Q) (A, error)) {
	mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
		var request Q
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, longest)).Decode(&request); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer, err := do(r.Context(), request)
		if err != nil {
			status := http.StatusInternalServerError
			if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
				status = http.StatusServiceUnavailable
			}
			http.Error(w, err.Error(), status)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer) // the caller sees a broken answer
	})
}
