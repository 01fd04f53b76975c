package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/trueclock/trueclock/truetime/fencing"
	"github.com/trueclock/trueclock/truetime/fencing/fencinghttp"
	"github.com/trueclock/trueclock/truetime/lease"
)

// leaseService is another machine: it keeps the record of a lease and a file, which can be written past a register of tokens
// (/fenced) or not (/bare). Both are over HTTP.
type leaseService struct {
	url    string
	leases lease.Memory
	mu     sync.Mutex
	file   string // the name of who wrote it last
}

// swap is what a client asks of the record.
type swap struct{ Old, Next lease.Record }

// startLeaseService starts one that ends with the stage. Its register keeps its tokens in dir.
func (s *stage) startLeaseService(dir string) (*leaseService, error) {
	register, err := fencing.Open(fencing.Options{Dir: dir})
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, register.Close)
	service := &leaseService{}
	fenced, err := fencinghttp.Server(register, fencinghttp.Options{Resource: func(*http.Request) string { return "file" }})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /lease", service.read)
	mux.HandleFunc("POST /lease", service.swap)
	mux.HandleFunc("PUT /bare", service.write)
	mux.Handle("PUT /fenced", fenced(http.HandlerFunc(service.write)))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	service.url = "http://" + listener.Addr().String()
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	ended := make(chan struct{})
	go func() {
		_ = server.Serve(listener) // ends with Close
		close(ended)
	}()
	s.closers = append(s.closers, func() error {
		err := server.Close()
		<-ended
		return err
	})
	return service, nil
}

func (l *leaseService) read(w http.ResponseWriter, r *http.Request) {
	record, err := l.leases.Read(r.Context(), "file")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_ = json.NewEncoder(w).Encode(record) // who went away does not want to know
}

func (l *leaseService) swap(w http.ResponseWriter, r *http.Request) {
	var change swap
	err := json.NewDecoder(r.Body).Decode(&change)
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	case l.leases.CompareAndSwap(r.Context(), "file", change.Old, change.Next) != nil: // it has changed
		w.WriteHeader(http.StatusConflict)
	}
}

func (l *leaseService) write(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<10))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.file = string(text)
}

// written is who wrote the file last.
func (l *leaseService) written() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file
}

// remoteLease is the record as its clients see it.
type remoteLease struct{ url string }

func (r remoteLease) Read(ctx context.Context, _ string) (record lease.Record, err error) {
	response, err := call(ctx, http.MethodGet, r.url+"/lease", nil)
	if err != nil {
		return record, err
	}
	defer response.Body.Close()
	return record, json.NewDecoder(response.Body).Decode(&record)
}

func (r remoteLease) CompareAndSwap(ctx context.Context, _ string, old, next lease.Record) error {
	change, err := json.Marshal(swap{old, next})
	if err != nil {
		return err
	}
	response, err := call(ctx, http.MethodPost, r.url+"/lease", change)
	if err != nil {
		return err // it may have happened
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusConflict:
		return lease.ErrConflict
	}
	return errors.New(response.Status)
}

// writeFile writes with the token of ctx. It returns a [*fencing.StaleError] if that is too low.
func writeFile(ctx context.Context, url, name string) error {
	response, err := call(ctx, http.MethodPut, url, []byte(name))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return fencinghttp.Refused(response)
}

func call(ctx context.Context, method, url string, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return (&http.Client{Transport: fencinghttp.Transport(&http.Transport{DisableKeepAlives: true})}).Do(request)
}
