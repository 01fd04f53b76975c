package driver

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/trueclock/trueclock/integrations/bank/shard"
)

// Argument is the one with which the program runs as a shard.
const Argument = "shard"

// RunShard is the child: it serves until its standard input ends, which it does when the parent dies. exit is os.Exit.
func RunShard(stdin io.Reader, stdout io.Writer, exit func(code int)) error {
	var config shard.Config
	in := bufio.NewReader(stdin)
	line, err := in.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("a shard is started by the bank, and gets its configuration on standard input: %w", err)
	}
	if err := json.Unmarshal(line, &config); err != nil {
		return err
	}
	file := os.NewFile(3, "socket") // the first of ExtraFiles
	listener, err := net.FileListener(file)
	if err != nil {
		return err
	}
	_ = file.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, in)
		cancel()
		time.AfterFunc(exitWait, func() { exit(1) }) // whatever it is doing
	}()
	return shard.Run(ctx, config, listener, func() { fmt.Fprintln(stdout, "ready") }, exit)
}

// lockedBuffer is what a child, and the next one in its place, wrote to standard error.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

const longestWords = 1 << 20

func (l *lockedBuffer) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.b.Len() < longestWords {
		l.b.Write(text)
	}
	return len(text), nil
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
