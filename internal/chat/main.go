// Command chat is two processes that talk over HTTP, each with a clock of its own that may be wrong: an
// example of package hlchttp, and its test.
//
//	go run ./internal/chat -name bob -skew -200ms -listen 127.0.0.1:8081
//	go run ./internal/chat -name ann -skew +200ms -say 3 http://127.0.0.1:8081
//
// Each prints what happened to it: by its wall clock ann hears an answer before bob has heard the question; by the
// hybrid timestamps never. Ann ends by herself, bob when he is interrupted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/trueclock/trueclock/hlc"
	"github.com/trueclock/trueclock/hlc/hlchttp"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "chat:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("chat", flag.ContinueOnError)
	name := flags.String("name", "somebody", "who this is")
	skew := flags.Duration("skew", 0, "how far this process's wall clock is ahead")
	listen := flags.String("listen", "", "answer at this address")
	say := flags.Int("say", 1, "how many questions to ask")
	if err := flags.Parse(args); err != nil {
		return err
	}
	clock, err := hlc.New(hlc.Options{Physical: func() int64 { return time.Now().Add(*skew).UnixNano() }})
	if err != nil {
		return err
	}
	p := &person{name: *name, skew: *skew, clock: clock, out: out}
	if *listen != "" {
		return p.answer(ctx, *listen)
	}
	if flags.NArg() != 1 {
		return errors.New("give -listen ADDRESS, or the URL of whom to talk to")
	}
	return p.ask(ctx, flags.Arg(0), *say)
}

// person is one process.
type person struct {
	name  string
	skew  time.Duration
	clock *hlc.Clock
	out   io.Writer
}

// tell prints an event: its hybrid timestamp, what the wall clock says, and what happened.
func (p *person) tell(at hlc.Timestamp, what string) {
	fmt.Fprintf(p.out, "%v wall %s %s %s\n", at, time.Now().Add(p.skew).UTC().Format("15:04:05.000"), p.name, what)
}

// answer serves until ctx ends.
func (p *person) answer(ctx context.Context, address string) error {
	loopback := hlchttp.Networks(netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"))
	stamped, err := hlchttp.Server(hlchttp.Plain(p.clock), hlchttp.Options{Trusted: loopback})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.out, "listening http://%v\n", listener.Addr())
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: stamped(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		question, err := io.ReadAll(io.LimitReader(r.Body, 1024))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		receipt, _ := hlchttp.From(r.Context())
		p.tell(receipt.At, "hears: "+string(question))
		fmt.Fprintf(w, "answer to %s", question)
	}))}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return errors.Join(server.Shutdown(context.WithoutCancel(ctx)), ignoreClosed(<-ended))
	}
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// ask says so many things, one after the answer to the other.
func (p *person) ask(ctx context.Context, url string, times int) error {
	host := strings.TrimPrefix(url, "http://")
	transport, err := hlchttp.Transport(hlchttp.Plain(p.clock), nil, hlchttp.Options{Trusted: hlchttp.Hosts(host)})
	if err != nil {
		return err
	}
	client := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	for i := range times {
		question := fmt.Sprintf("question %d", i)
		p.tell(p.clock.Now(), "says: "+question)
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(question))
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(response.Body)
		if err := errors.Join(err, response.Body.Close()); err != nil {
			return err
		}
		receipt, _ := hlchttp.From(response.Request.Context())
		p.tell(receipt.At, "hears: "+string(text))
	}
	return nil
}
