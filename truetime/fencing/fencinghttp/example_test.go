package fencinghttp_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/trueclock/trueclock/truetime/fencing"
	"github.com/trueclock/trueclock/truetime/fencing/fencinghttp"
)

// A storage whose handler writes only with a token that is not stale, and two clients.
func Example() {
	dir, err := os.MkdirTemp("", "fence")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	register, err := fencing.Open(fencing.Options{Dir: dir})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer register.Close()
	fenced, err := fencinghttp.Server(register, fencinghttp.Options{Resource: func(r *http.Request) string { return r.URL.Path }})
	if err != nil {
		fmt.Println(err)
		return
	}
	storage := httptest.NewServer(fenced(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Printf("the file is %s\n", body)
	})))
	defer storage.Close()

	client := &http.Client{Transport: fencinghttp.Transport(storage.Client().Transport)}
	write := func(token fencing.Token, text string) error {
		ctx := fencing.NewContext(context.Background(), token) // lease.Guard.Do does that
		request, err := http.NewRequestWithContext(ctx, http.MethodPut, storage.URL+"/file", strings.NewReader(text))
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		return fencinghttp.Refused(response)
	}
	fmt.Println(write(34, "by client 2"))
	fmt.Println(write(33, "by client 1, who was stopped"))
	// Output:
	// the file is by client 2
	// <nil>
	// fencing: token 33 for "/file" is stale: 34 was seen
}
