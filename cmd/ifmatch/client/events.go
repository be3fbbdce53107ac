package client

import (
	"bufio"
	"context"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Server-sent events (the HTML standard, §9.2) are asked for by their media type, so that a server that does not
// have them answers as ever. An event is only a reason to look: what there is, HEAD tells.

// Bounds of an event stream.
const (
	silence   = time.Minute // a stream on which nothing came for so long is taken for dead; ifmatch says something every 20 s
	comeAgain = time.Second // until a stream that ended is asked for again, and longer each time it fails
)

// follow keeps an event stream open. For each event and each end of a stream it says whether changes are reported from now
// on, until ctx is done or the server turns out to have none; then it closes the channel.
func (c *Client) follow(ctx context.Context, u *url.URL) <-chan bool {
	words := make(chan bool)
	go func() {
		defer close(words)
		wait := comeAgain
		for ctx.Err() == nil {
			began := time.Now()
			if !c.stream(ctx, u, words) {
				return
			}
			say(ctx, words, false)
			if time.Since(began) > silence {
				wait = comeAgain
			}
			select {
			case <-ctx.Done():
			case <-time.After(wait):
			}
			wait = min(2*wait, maxWait)
		}
	}()
	return words
}

func say(ctx context.Context, words chan<- bool, live bool) {
	select {
	case <-ctx.Done():
	case words <- live:
	}
}

// stream reads one event stream to its end. offered is false when the server does not have one.
func (c *Client) stream(ctx context.Context, u *url.URL, words chan<- bool) (offered bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, err := c.Request(ctx, http.MethodGet, u, nil)
	if err != nil {
		return false
	}
	r.Header.Set("Accept", "text/event-stream, */*;q=0.1")
	r.Header.Set("Cache-Control", "no-cache")
	r.Header.Set("Range", "bytes=0-0") // whoever answers with the file need not send it
	res, err := c.do(r)
	if err != nil {
		return passing(err)
	}
	defer res.Body.Close()
	if kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); kind != "text/event-stream" {
		return false
	}
	dead := time.AfterFunc(silence, cancel)
	defer dead.Stop()
	data := false // the event that is being read has some
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		dead.Reset(silence)
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "data"):
			data = true
		case line == "" && data:
			say(ctx, words, true)
			data = false
		}
	}
	return true
}
