// Command chat is two processes that talk over HTTP, and whose clocks disagree. Each prints
// its events: the hybrid timestamp, what its own clock shows, who, and what.
//
// In one terminal, and then in another:
//
//	go run ./examples/chat -name ann -listen 127.0.0.1:7001 -ahead 20s | tee ann
//	go run ./examples/chat -name bob -to http://127.0.0.1:7001 | tee bob
//	sort ann bob                 # by the timestamps: the conversation
//	sort -t "$(printf '\t')" -k 2 ann bob     # by the clocks: bob hears each answer 20 s before ann gives it
//
// Bob says a line in each request, and ann's reply is the next one. Ann listens until she is
// interrupted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"net/url"
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
		log.Fatal(err)
	}
}

// talker is one of the two.
type talker struct {
	name     string
	physical hlc.Physical // the clock that is wrong
	clock    *hlc.Clock
	out      io.Writer
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("chat", flag.ContinueOnError)
	name := flags.String("name", "somebody", "who this is")
	ahead := flags.Duration("ahead", 0, "how far this clock is ahead of the machine's; negative: behind")
	address := flags.String("listen", "", "listen here")
	to := flags.String("to", "", "URL of who listens, to talk with")
	if err := flags.Parse(args); err != nil {
		return err
	}
	physical := func() int64 { return time.Now().Add(*ahead).UnixNano() }
	// Clocks that are looked after differ by milliseconds. The limit is as wide as it is
	// because these are wrong on purpose.
	clock, err := hlc.New(hlc.Options{Physical: physical, MaxLead: time.Minute})
	if err != nil {
		return err
	}
	t := &talker{name: *name, physical: physical, clock: clock, out: out}
	switch {
	case *address != "":
		return t.listen(ctx, *address)
	case *to != "":
		return t.talk(ctx, *to)
	}
	return errors.New("chat: one of -listen and -to is needed")
}

// event prints one: its timestamp in the form that sorts, what the clock showed, who, and what.
func (t *talker) event(at hlc.Timestamp, shown int64, what string) {
	sortable, err := at.AppendSortable(nil)
	if err != nil {
		sortable = []byte(err.Error())
	}
	fmt.Fprintf(t.out, "%s\t%s\t%s\t%s\n", sortable, time.Unix(0, shown).UTC().Format("2006-01-02T15:04:05.000000000"), t.name, what)
}

// answers are what ann says to each line of bob's.
var answers = map[string]string{
	"knock, knock":  "who is there?",
	"cause":         "cause who?",
	"cause I said!": "then effect it is",
}

// lines are what bob says.
var lines = []string{"knock, knock", "cause", "cause I said!"}

// listen serves until ctx ends.
func (t *talker) listen(ctx context.Context, address string) error {
	stamped, err := hlchttp.Server(hlchttp.Plain(t.clock), hlchttp.Options{
		Trusted: hlchttp.Networks(netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")),
	})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Fprintf(t.out, "# listening on http://%s\n", listener.Addr())
	server := &http.Server{Handler: stamped(http.HandlerFunc(t.answer)), ReadHeaderTimeout: time.Minute}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// answer has a request and a reply: two of the four events.
func (t *talker) answer(w http.ResponseWriter, r *http.Request) {
	line, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1000))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	receipt, _ := hlchttp.FromRequest(r.Context())
	t.event(receipt.At, t.physical(), "hears "+string(line))
	answer, ok := answers[string(line)]
	if !ok {
		answer = "I do not understand"
		w.WriteHeader(http.StatusNotFound)
	}
	_, _ = io.WriteString(w, answer)
	if replied, err := hlc.Parse(w.Header().Get(hlchttp.Header)); err == nil {
		t.event(replied, t.physical(), "says "+answer)
	}
}

// talk says all lines.
func (t *talker) talk(ctx context.Context, to string) error {
	target, err := url.Parse(to)
	if err != nil {
		return err
	}
	transport, err := hlchttp.Transport(hlchttp.Plain(t.clock), nil, hlchttp.Options{Trusted: hlchttp.Hosts(target.Host), RequireStamp: true})
	if err != nil {
		return err
	}
	client := &http.Client{Transport: transport}
	defer client.CloseIdleConnections()
	for _, line := range lines {
		if err := t.say(ctx, client, to, line); err != nil {
			return err
		}
	}
	return nil
}

// say has a request and a reply: the other two of the four events.
func (t *talker) say(ctx context.Context, client *http.Client, to, line string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(line))
	if err != nil {
		return err
	}
	shown := t.physical()
	reply, err := client.Do(request)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	answer, err := io.ReadAll(reply.Body)
	if err != nil {
		return err
	}
	sent, err := hlc.Parse(reply.Request.Header.Get(hlchttp.Header))
	if err != nil {
		return err
	}
	receipt, _ := hlchttp.FromReply(reply)
	t.event(sent, shown, "says "+line)
	t.event(receipt.At, t.physical(), "hears "+string(answer))
	return nil
}
