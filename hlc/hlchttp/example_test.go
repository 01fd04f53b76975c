package hlchttp_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/hlc/hlchttp"
)

// A server whose clock is 300 ms ahead, and a client. (internal/chat has two processes.)
func Example() {
	at := func(ahead time.Duration) *hlc.Clock {
		clock, _ := hlc.New(hlc.Options{Physical: func() int64 { return 1_790_000_000e9 + int64(ahead) }})
		return clock
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		receipt, _ := hlchttp.From(r.Context())
		fmt.Println("server hears it at  ", receipt.At)
	})
	stamped, err := hlchttp.Server(hlchttp.Plain(at(300*time.Millisecond)), hlchttp.Options{Trusted: hlchttp.Everyone})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(stamped(handler))
	defer server.Close()

	transport, err := hlchttp.Transport(hlchttp.Plain(at(0)), nil, hlchttp.Options{Trusted: hlchttp.Everyone})
	if err != nil {
		fmt.Println(err)
		return
	}
	client := &http.Client{Transport: transport}
	defer client.CloseIdleConnections()
	response, err := client.Get(server.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer response.Body.Close()
	receipt, _ := hlchttp.From(response.Request.Context())
	fmt.Println("client hears back at", receipt.At)
	// Output:
	// server hears it at   1790000000.300000000,0
	// client hears back at 1790000000.300000000,2
}
