package clients

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// The suites lockbomb and largefile came to litmus after 0.13; here they are with a bounded share.

const lockBody = `<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>`

// Twenty clients, each with a file of its own that it locks and unlocks again and again: each of these
// must succeed, and no lock is left.
func TestFloodLocks(t *testing.T) {
	const clients, rounds = 20, 100
	url, _ := judged(t)
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
			defer c.CloseIdleConnections()
			file := fmt.Sprintf("%slock-%04d", url, i)
			if _, err := send(c, "PUT", file, strings.Repeat("\x00", 1000), nil); err != nil {
				t.Error(err)
				return
			}
			for range rounds {
				h, err := send(c, "LOCK", file, lockBody, map[string]string{"Timeout": "Second-3600", "Depth": "0"})
				if err == nil {
					_, err = send(c, "UNLOCK", file, "", map[string]string{"Lock-Token": h.Get("Lock-Token")})
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	for i := range clients {
		if _, err := send(http.DefaultClient, "PUT", fmt.Sprintf("%slock-%04d", url, i), "free", nil); err != nil {
			t.Error(err)
		}
	}
}

// A file of more than 2 GiB, whose size and offsets do not fit into 31 bits. The end of it is read back.
func TestFloodLargeFile(t *testing.T) {
	const size = 8192 * 262152
	url, _ := judged(t)
	req, err := http.NewRequest("PUT", url+"large.txt", io.LimitReader(zeros{}, size))
	must(t, err)
	req.ContentLength = size
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	res.Body.Close()
	if res.StatusCode != http.StatusCreated || res.Header.Get("ETag") == "" {
		t.Fatalf("PUT of %d bytes: got %s", size, res.Status)
	}

	req, err = http.NewRequest("GET", url+"large.txt", nil)
	must(t, err)
	req.Header.Set("Range", "bytes=-5")
	req.Header.Set("If-Match", res.Header.Get("ETag"))
	res, err = http.DefaultClient.Do(req)
	must(t, err)
	defer res.Body.Close()
	if got, want := res.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-%d/%d", size-5, size-1, size); got != want {
		t.Errorf("the last five bytes: got %s %q, want %q", res.Status, got, want)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil || len(body) != 5 {
		t.Errorf("the last five bytes: got %d, %v", len(body), err)
	}
	_, err = send(http.DefaultClient, "DELETE", url+"large.txt", "", nil)
	must(t, err)
}

// zeros is an endless file of them.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// send does one request and returns the header of the answer; an error when the status is not 2xx.
func send(c *http.Client, method, url, body string, header map[string]string) (http.Header, error) {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	for key, value := range header {
		req.Header.Set(key, value)
	}
	res, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return nil, err
	}
	if res.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s %s: %s", method, url, res.Status)
	}
	return res.Header, nil
}
