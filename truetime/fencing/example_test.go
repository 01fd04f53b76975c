package fencing_test

import (
	"context"
	"fmt"
	"os"

	"github.com/trueclock/trueclock/truetime/fencing"
)

// The second client writes with token 34 while the first one, who has 33, is stopped. The storage is restarted. Then the first one
// goes on.
func ExampleRegister() {
	dir, err := os.MkdirTemp("", "fence")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	write := func(token fencing.Token, text string) {
		register, err := fencing.Open(fencing.Options{Dir: dir}) // each time as if the storage had been restarted
		if err != nil {
			fmt.Println(err)
			return
		}
		defer register.Close()
		err = register.Do(ctx, "file", token, func(context.Context) error {
			fmt.Println("the file is", text)
			return nil
		})
		if err != nil {
			fmt.Println(err)
		}
	}
	write(34, "by client 2")
	write(33, "by client 1")
	write(34, "by client 2 again")
	// Output:
	// the file is by client 2
	// fencing: token 33 for "file" is stale: 34 was seen
	// the file is by client 2 again
}
