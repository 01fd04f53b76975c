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
	settled bool  // the header is stamped and written, or not ours any more
	err     error // it could not be stamped: the reply is a 503, and nothing of the handler's
}

// stamp is called when the header is about to be written, if it was not before.
func (w *writer) stamp() error {
	if w.settled {
		return w.err
	}
	w.settled = true
	if w.err = w.side.stamp(w.request, w.Header()); w.err != nil {
		w.fail()
	}
	return w.err
}

// refuse replies that the request was not ordered.
func (w *writer) refuse(why error) {
	if errors.As(why, new(*ClockError)) {
		w.settled, w.err = true, why
		w.fail()
		return
	}
	http.Error(w, why.Error(), status(why))
}

// fail replies without a stamp. It tells nobody what our disk said, and sends no header that
// was meant for another reply.
func (w *writer) fail() {
	clear(w.Header())
	http.Error(w.ResponseWriter, "hlchttp: the server's clock has failed", status(w.err))
}

// WriteHeader leaves informational replies as they are: the reply comes later.
func (w *writer) WriteHeader(code int) {
	informational := code < 200 && code != http.StatusSwitchingProtocols
	if !informational && w.stamp() != nil || w.err != nil {
		return
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *writer) Write(b []byte) (int, error) {
	if err := w.stamp(); err != nil {
		return 0, err
	}
	return w.ResponseWriter.Write(b)
}

// WriteString spares the copy that io.WriteString would make.
func (w *writer) WriteString(s string) (int, error) {
	if err := w.stamp(); err != nil {
		return 0, err
	}
	return io.WriteString(w.ResponseWriter, s)
}

// ReadFrom keeps the way from a file to a socket short, once the header is written (as
// http.ServeContent does). Before that it waits for the source's first bytes to stamp.
func (w *writer) ReadFrom(source io.Reader) (int64, error) {
	if w.settled && w.err == nil {
		return io.Copy(w.ResponseWriter, source)
	}
	return io.Copy(writerOnly{w}, source)
}

// writerOnly hides ReadFrom from io.Copy.
type writerOnly struct{ io.Writer }

// Unwrap is for http.ResponseController. It finds FlushError here first, so that
// no header leaves without a stamp.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// FlushError returns http.ErrNotSupported if there is no way to flush.
func (w *writer) FlushError() error {
	return w.early(http.NewResponseController(w.ResponseWriter).Flush)
}

// early stamps the reply for act, which writes the header or takes the connection over. If
// that fails, it may not have been the moment, and the next one is stamped anew.
func (w *writer) early(act func() error) error {
	first := !w.settled
	if err := w.stamp(); err != nil {
		return err
	}
	err := act()
	if first && err != nil {
		w.settled = false
	}
	return err
}

// withAbilities adds the optional methods that the underlying writer has. To have
// one more would be as wrong as one less: handlers ask for them to decide.
func (w *writer) withAbilities() http.ResponseWriter {
	_, flushes := w.ResponseWriter.(http.Flusher)
	_, hijacks := w.ResponseWriter.(http.Hijacker)
	switch {
	case flushes && hijacks: // HTTP/1
		return struct {
			*writer
			flusher
			hijacker
		}{w, flusher{w}, hijacker{w}}
	case flushes: // HTTP/2
		return struct {
			*writer
			flusher
		}{w, flusher{w}}
	case hijacks:
		return struct {
			*writer
			hijacker
		}{w, hijacker{w}}
	}
	return w
}

type flusher struct{ writer *writer }

func (f flusher) Flush() { _ = f.writer.FlushError() }

type hijacker struct{ writer *writer }

// Hijack stamps the header map, for the reply that the handler writes itself.
func (h hijacker) Hijack() (conn net.Conn, buffer *bufio.ReadWriter, err error) {
	err = h.writer.early(func() (err error) {
		conn, buffer, err = http.NewResponseController(h.writer.ResponseWriter).Hijack()
		return err
	})
	return conn, buffer, err
}
