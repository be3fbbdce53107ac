package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// ErrNoServer tells that no server runs.
var ErrNoServer = errors.New("no server answers there")

// Client asks one running server about one directory that it serves.
type Client struct {
	state string
	http  http.Client
}

// Dial finds the server that keeps the state of a directory in state. Errors: ErrNoServer; no permission.
func Dial(ctx context.Context, state string) (*Client, error) {
	conn, err := dial(ctx, state)
	switch {
	case err == nil:
		conn.Close()
	case errors.Is(err, iofs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTDIR):
		return nil, ErrNoServer
	case errors.Is(err, iofs.ErrPermission):
		return nil, fmt.Errorf("no permission to talk to the server with state in %s; only root and its own user may", state)
	default:
		return nil, err
	}
	c := &Client{state: state}
	c.http.Timeout = time.Minute
	c.http.Transport = &http.Transport{
		DialContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, state) },
		DisableCompression: true,
	}
	return c, nil
}

// Find finds the servers that keep their state in home or in directories in it, as those with several shares
// do. Errors: ErrNoServer; no permission.
func Find(ctx context.Context, home string) (all []*Client, err error) {
	states := []string{home}
	entries, err := os.ReadDir(home)
	if errors.Is(err, iofs.ErrPermission) {
		return nil, fmt.Errorf("%s: no permission to look for a server there; only root and its own user may", home)
	}
	for _, e := range entries {
		if e.IsDir() {
			states = append(states, filepath.Join(home, e.Name()))
		}
	}
	for _, state := range states {
		c, err := Dial(ctx, state)
		if errors.Is(err, ErrNoServer) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	if all == nil {
		return nil, ErrNoServer
	}
	return all, nil
}

// Close gives back the connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Locks lists all locks.
func (c *Client) Locks(ctx context.Context, tokens bool) (locks []Lock, err error) {
	query := url.Values{}
	if tokens {
		query.Set("tokens", "1")
	}
	err = c.askJSON(ctx, http.MethodGet, "/locks", query, nil, &locks)
	return locks, err
}

// Break ends the lock with this ID, and returns it, unless it had ended before.
func (c *Client) Break(ctx context.Context, id string) (broken []Lock, err error) {
	err = c.askJSON(ctx, http.MethodPost, "/locks/break", url.Values{"id": {id}}, nil, &broken)
	return broken, err
}

func (c *Client) askJSON(ctx context.Context, method, path string, query url.Values, body []byte, into any) error {
	res, err := c.ask(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return json.NewDecoder(res.Body).Decode(into)
}

// ask sends a request. Errors: those of the connection, and every answer that is no success.
func (c *Client) ask(ctx context.Context, method, path string, query url.Values, body []byte) (*http.Response, error) {
	u := url.URL{Scheme: "http", Host: "admin", Path: path, RawQuery: query.Encode()}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		if ue, ok := errors.AsType[*url.Error](err); ok {
			err = ue.Err
		}
		return nil, fmt.Errorf("the server with state in %s: %w", c.state, err)
	}
	if res.StatusCode >= 300 {
		defer res.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(res.Body, 1<<10))
		return nil, fmt.Errorf("the server with state in %s: %s", c.state, strings.TrimSpace(string(text)))
	}
	return res, nil
}
