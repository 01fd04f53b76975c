package hlchttp

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
)

// writer stamps the reply just before its header is written.
type writer struct {
	http.ResponseWriter
	side    *side
	request *http.Request
	stamped bool // the header is written, or the connection is the handler's
}

// stamp is called when the header is about to be written, if it was not before.
func (w *writer) stamp() {
	if !w.stamped {
		w.stamped = true
		if err := w.side.stamp(w.request.Context(), w.Header()); err != nil && w.side.OnRefused != nil {
			w.side.OnRefused(w.request, err)
		}
	}
}

// WriteHeader leaves informational replies as they are: the reply comes later.
func (w *writer) WriteHeader(code int) {
	if code >= 200 || code == http.StatusSwitchingProtocols {
		w.stamp()
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *writer) Write(b []byte) (int, error) {
	w.stamp()
	return w.ResponseWriter.Write(b)
}

// WriteString spares the copy that io.WriteString would make.
func (w *writer) WriteString(s string) (int, error) {
	w.stamp()
	return io.WriteString(w.ResponseWriter, s)
}

// firstChunk is what is copied by Write before the underlying ReadFrom takes
// over. net/http does the same: its header waits for the first bytes of the
// source, which may be long in coming.
const firstChunk = 512

// ReadFrom keeps the way from a file to a socket short.
func (w *writer) ReadFrom(source io.Reader) (n int64, err error) {
	if !w.stamped {
		n, err = io.CopyN(writerOnly{w}, source, firstChunk)
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
	var rest int64
	if r, ok := w.ResponseWriter.(io.ReaderFrom); ok {
		rest, err = r.ReadFrom(source)
	} else {
		rest, err = io.Copy(writerOnly{w.ResponseWriter}, source)
	}
	return n + rest, err
}

// writerOnly hides all other methods from io.Copy.
type writerOnly struct{ io.Writer }

// Unwrap is for http.ResponseController. It finds FlushError here first, so that
// no header leaves without a stamp.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// FlushError returns http.ErrNotSupported if there is no way to flush.
func (w *writer) FlushError() error {
	early := !w.stamped
	w.stamp()
	err := http.NewResponseController(w.ResponseWriter).Flush()
	if early && errors.Is(err, http.ErrNotSupported) {
		w.stamped = false // nothing was written, so it is not yet the moment
	}
	return err
}

// withAbilities adds the optional methods that the underlying writer has. To have
// one more would be as wrong as one less: handlers ask for them to decide.
func (w *writer) withAbilities() http.ResponseWriter {
	_, flushes := w.ResponseWriter.(http.Flusher)
	_, hijacks := w.ResponseWriter.(http.Hijacker)
	pusher, pushes := w.ResponseWriter.(http.Pusher)
	f, h := flusher{w}, hijacker{w}
	switch {
	case flushes && hijacks: // HTTP/1
		return struct {
			*writer
			flusher
			hijacker
		}{w, f, h}
	case flushes && pushes: // HTTP/2
		return struct {
			*writer
			flusher
			http.Pusher
		}{w, f, pusher}
	case flushes:
		return struct {
			*writer
			flusher
		}{w, f}
	case hijacks:
		return struct {
			*writer
			hijacker
		}{w, h}
	}
	return w
}

type flusher struct{ writer *writer }

func (f flusher) Flush() { _ = f.writer.FlushError() }

type hijacker struct{ writer *writer }

// Hijack stamps the header map, for the reply that the handler writes itself.
func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	early := !h.writer.stamped
	h.writer.stamp()
	conn, buffer, err := http.NewResponseController(h.writer.ResponseWriter).Hijack()
	if err != nil && early {
		h.writer.stamped = false // the handler may still reply
	}
	return conn, buffer, err
}
