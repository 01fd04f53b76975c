package hlchttp_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/hlc/hlchttp"
)

// A shop whose clock is right, and a customer whose clock is 200 ms behind. What the customer
// does after the reply is stamped above what the shop did before it.
func Example() {
	noon := time.Date(2026, 9, 21, 12, 0, 0, 0, time.UTC).UnixNano()
	shopClock, _ := hlc.New(hlc.Options{Physical: func() int64 { return noon }})
	customerClock, _ := hlc.New(hlc.Options{Physical: func() int64 { return noon - int64(200*time.Millisecond) }})

	stamped, err := hlchttp.Server(hlchttp.Plain(shopClock), hlchttp.Options{Trusted: hlchttp.Everyone})
	if err != nil {
		fmt.Println(err)
		return
	}
	shop := httptest.NewServer(stamped(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		receipt, _ := hlchttp.FromRequest(r.Context())
		fmt.Println("shop gets order  ", receipt.At)
		fmt.Println("shop ships       ", shopClock.Now())
		_, _ = io.WriteString(w, "shipped")
	})))
	defer shop.Close()

	fmt.Println("customer thinks  ", customerClock.Now())
	transport, err := hlchttp.Transport(hlchttp.Plain(customerClock), shop.Client().Transport, hlchttp.Options{Trusted: hlchttp.Everyone})
	if err != nil {
		fmt.Println(err)
		return
	}
	reply, err := (&http.Client{Transport: transport}).Get(shop.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer reply.Body.Close()
	receipt, _ := hlchttp.FromReply(reply)
	fmt.Println("shop replied     ", receipt.Sent)
	fmt.Println("customer has it  ", receipt.At)
	// Output:
	// customer thinks   1789991999.800000000,0
	// shop gets order   1789992000.000000000,0
	// shop ships        1789992000.000000000,1
	// shop replied      1789992000.000000000,2
	// customer has it   1789992000.000000000,3
}
