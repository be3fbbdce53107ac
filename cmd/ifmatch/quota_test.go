//go:build unix

package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

const quotaFile = `[[share]]
prefix = "/small"
dir = "DIR/small"
quota = "1000B"
[[share]]
prefix = "/large"
dir = "DIR/large"
`

// RFC 4331: the quota of a share is refused with 507 and DAV:quota-not-exceeded, and told by PROPFIND.
func TestQuotaOfAShare(t *testing.T) {
	h := houseWith(t, quotaFile, "small", "large/tree")
	writeFile(t, filepath.Join(h.dir, "small/old"), strings.Repeat("x", 500))
	writeFile(t, filepath.Join(h.dir, "large/tree/big"), strings.Repeat("x", 501))
	h.open()
	for _, tt := range []struct {
		method, path string
		body         int
		status       int
		header       []string
	}{
		{"PUT", "/small/a", 501, 507, nil},
		{"PUT", "/large/a", 501, 201, nil},
		{"COPY", "/large/a", 0, 507, []string{"Destination", "/small/a"}},
		{"COPY", "/large/tree", 0, 507, []string{"Destination", "/small/tree"}},
		{"COPY", "/large/a", 0, 204, []string{"Destination", "/small/old"}}, // 501 instead of 500
		{"PUT", "/small/old", 501, 412, []string{"If-None-Match", "*"}},
		{"PUT", "/small/a", 499, 201, nil},
		{"PUT", "/small/a", 499, 204, nil},
		{"PUT", "/small/a", 500, 507, nil},
		{"MKCOL", "/small/d", 0, 507, nil},
		{"DELETE", "/small/old", 0, 204, nil},
		{"MKCOL", "/small/d", 0, 201, nil},
	} {
		res, text := h.ask("", tt.method, tt.path, strings.Repeat("y", tt.body), tt.header...)
		if res.StatusCode != tt.status {
			t.Errorf("%s %s %v: %s, want %d\n%s", tt.method, tt.path, tt.header, res.Status, tt.status, text)
		}
		if res.StatusCode == 507 && !strings.Contains(text, "<D:quota-not-exceeded/>") {
			t.Errorf("%s %s: no DAV:quota-not-exceeded in %s", tt.method, tt.path, text)
		}
	}
	_, text := h.ask("", "PROPFIND", "/small/", `<D:propfind xmlns:D="DAV:"><D:prop><D:quota-available-bytes/><D:quota-used-bytes/></D:prop></D:propfind>`, "Depth", "0")
	if !strings.Contains(text, "available-bytes>501<") || !strings.Contains(text, "used-bytes>499<") {
		t.Errorf("PROPFIND: %s", text)
	}
	for length, want := range map[int]int{501: http.StatusContinue, 502: http.StatusInsufficientStorage} {
		if got := expects(t, h.url, "/small/new", length); got != want {
			t.Errorf("Expect: 100-continue with %d bytes: %d, want %d", length, got, want)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(h.dir, "*/.ifmatch-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if strings.Contains(strings.Join(h.lines(), "\n"), `"ERROR"`) {
		t.Error("a full quota is logged as an error of the server")
	}
}

// expects announces a PUT of so many bytes and returns the first status that comes.
func expects(t *testing.T, url, path string, length int) int {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	must(t, err)
	defer conn.Close()
	fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", path, length)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	return res.StatusCode
}
