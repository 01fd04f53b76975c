package fencinghttp_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/trueclock/trueclock/truetime/fencing"
	"github.com/trueclock/trueclock/truetime/fencing/fencinghttp"
)

// TestRefused_OfAnotherCondition is no refusal of ours: the storage may have conditions of its own.
func TestRefused_OfAnotherCondition(t *testing.T) {
	reply := func(status int, token string) *http.Response {
		request := httptest.NewRequest(http.MethodPut, "/file", nil)
		if token != "" {
			request.Header.Set(fencinghttp.Header, token)
		}
		return &http.Response{StatusCode: status, Request: request, Header: http.Header{}}
	}
	require.NoError(t, fencinghttp.Refused(reply(http.StatusPreconditionFailed, "33")), "of If-Match, say")
	require.NoError(t, fencinghttp.Refused(reply(http.StatusPreconditionRequired, "33")), "it had a token")
	require.ErrorIs(t, fencinghttp.Refused(reply(http.StatusPreconditionRequired, "")), fencing.ErrNoToken)
	require.ErrorIs(t, fencinghttp.Refused(&http.Response{StatusCode: http.StatusPreconditionRequired}), fencing.ErrNoToken)
}

// TestServer_ABodyThatIsNone is the client's fault, and nothing is written.
func TestServer_ABodyThatIsNone(t *testing.T) {
	s := newStorage(t, fencing.Options{})
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "PUT /file HTTP/1.1\r\nHost: x\r\nFencing-Token: 33\r\nTransfer-Encoding: chunked\r\n\r\nno number\r\n")
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusBadRequest, response.StatusCode)
	require.Empty(t, s.writes)
	require.Zero(t, s.register.Highest("file"), "it has not counted")
}

// TestServer_AHandlerThatPanics, or takes the connection for itself, has written: the next holder gets in.
func TestServer_AHandlerThatPanics(t *testing.T) {
	register, err := fencing.Open(fencing.Options{Dir: t.TempDir()})
	require.NoError(t, err)
	defer register.Close()
	fenced, err := fencinghttp.Server(register, fencinghttp.Options{Resource: func(*http.Request) string { return "file" }})
	require.NoError(t, err)
	token := fencing.Token(33)
	for _, handler := range []http.HandlerFunc{
		func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				err = conn.Close()
			}
			if err != nil {
				t.Error(err)
			}
		},
	} {
		server := httptest.NewServer(fenced(handler))
		request, err := http.NewRequestWithContext(fencing.NewContext(t.Context(), token), http.MethodPut, server.URL, nil)
		require.NoError(t, err)
		_, err = (&http.Client{Transport: fencinghttp.Transport(server.Client().Transport)}).Do(request)
		require.ErrorIs(t, err, io.EOF)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		token++
		require.NoError(t, register.Check(ctx, "file", token))
		cancel()
		server.Close()
	}
}

// TestServer_HTTP2 is the same by another way.
func TestServer_HTTP2(t *testing.T) {
	s := newStorage(t, fencing.Options{})
	server := httptest.NewUnstartedServer(s.Config.Handler)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	client := &http.Client{Transport: fencinghttp.Transport(server.Client().Transport)}
	put := func(token fencing.Token) *http.Response {
		request, err := http.NewRequestWithContext(fencing.NewContext(t.Context(), token), http.MethodPut, server.URL+"/file", strings.NewReader("2"))
		require.NoError(t, err)
		response, err := client.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, 2, response.ProtoMajor)
		return response
	}
	require.NoError(t, fencinghttp.Refused(put(34)))
	var stale *fencing.StaleError
	require.ErrorAs(t, fencinghttp.Refused(put(33)), &stale)
	require.Equal(t, fencing.StaleError{Resource: "/file", Token: 33, Highest: 34}, *stale)
	client.CloseIdleConnections()
}
