package lamport_test

import (
	"context"
	"fmt"
	"os"

	"github.com/trueclock/trueclock/lamport"
)

// A message takes its number along, and its receipt is above it.
func ExampleClock() {
	var sender, receiver lamport.Clock
	sent, _ := sender.Tick()
	received, _ := receiver.Witness(sent)
	fmt.Println(sent, received)

	_, err := receiver.Witness(1 << 60)
	fmt.Println(err)
	// Output:
	// 1 2
	// lamport: received 1152921504606846976 is more than 1099511627776 ahead of 2; the sender is broken or hostile, or this clock is new
}

// Where the numbers are equal, the names decide, everywhere alike.
func ExampleStamp() {
	a, b := lamport.Stamp{Time: 17, Process: "node-a"}, lamport.Stamp{Time: 17, Process: "node-b"}
	fmt.Println(a, a.Before(b))
	_, err := lamport.ParseStamp("017@node-a")
	fmt.Println(err)
	// Output:
	// 17@node-a true
	// lamport: not a stamp at byte 0: a leading zero
}

// Two edits of one document: did the second know of the first, or is it a conflict?
func ExampleVector() {
	var v lamport.Vector
	laptop, _ := v.Tick("laptop")
	phone, _ := v.Tick("phone")
	fmt.Println(laptop, "and", phone, "are", laptop.Compare(phone))

	merged, _ := phone.Witness("phone", laptop)
	fmt.Println(laptop, "is", laptop.Compare(merged), merged)
	// Output:
	// 1@laptop and 1@phone are concurrent
	// 1@laptop is before 1@laptop,2@phone
}

// The second run goes on above the first one, and leaves out what that had reserved.
func ExampleDurable() {
	dir, _ := os.MkdirTemp("", "lamport") // in life an existing directory, such as /var/lib/app/lamport
	defer os.RemoveAll(dir)
	ctx := context.Background()
	clock, _ := lamport.OpenDurable(lamport.DurableOptions{Dir: dir, Reserve: 1000})
	n, _ := clock.Tick(ctx)
	fmt.Println(n)
	_ = clock.Close()

	clock, err := lamport.OpenDurable(lamport.DurableOptions{Dir: dir, Reserve: 1000, Existing: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer clock.Close()
	n, _ = clock.Tick(ctx)
	fmt.Println(n)
	// Output:
	// 1
	// 1001
}
