package history_test

import (
	"fmt"
	"time"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/internal/history"
)

// Two shards, whose clocks differ, and no commit wait: the answer has a lower timestamp than the question, and somebody reads between them.
func Example() {
	ops := []history.Op{
		{Client: 1, Invoked: 0, Returned: time.Millisecond, TS: hlc.Timestamp{WallTime: 105}, Writes: map[string]int64{"question": 1}},
		{Client: 2, Invoked: 2 * time.Millisecond, Returned: 3 * time.Millisecond, TS: hlc.Timestamp{WallTime: 95}, Writes: map[string]int64{"answer": 2}},
		{Client: 3, Invoked: 2 * time.Millisecond, Returned: 4 * time.Millisecond, TS: hlc.Timestamp{WallTime: 105 - 5},
			Reads: map[string]int64{"question": 0, "answer": 2}},
	}
	for _, anomaly := range history.CausalReverse(ops) {
		fmt.Println(anomaly)
	}
	// Output:
	// causal reverse: T3 sees T2, and of question a version older than that of T1, which was known before T2 began
	//   T1  client 1  [0s, 1ms]  @0.000000105,0  wrote question=1
	//   T2  client 2  [2ms, 3ms]  @0.000000095,0  wrote answer=2
	//   T3  client 3  [2ms, 4ms]  @0.000000100,0  read answer=2 question=0
}
