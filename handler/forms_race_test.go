package handler_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"ifmatch/etagfs"
	"ifmatch/fs"
	"ifmatch/handler"
)

const (
	composed   = "/caf%C3%A9"
	decomposed = "/cafe%CC%81"
)

// feeding is a PUT whose content is on its way: the early check has passed, and the commit waits for end.
func feeding(t *testing.T, url string, header ...string) (end func() (status int)) {
	t.Helper()
	content, feed := io.Pipe()
	r, err := http.NewRequest("PUT", url, content)
	must(t, err)
	r.Header.Set("Expect", "100-continue")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	status := make(chan int, 1)
	go func() {
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Error(err)
			status <- 0
			return
		}
		res.Body.Close()
		status <- res.StatusCode
	}()
	feed.Write([]byte("t")) // taken only after 100 Continue
	return func() int {
		feed.Write([]byte("wo"))
		feed.Close()
		return <-status
	}
}

// formsMapped counts the resources of a tree whose names are forms of one.
func formsMapped(t *testing.T, base fs.FS) (n int) {
	t.Helper()
	err := base.List("/", func(base string, _ *fs.Info) error {
		if strings.HasPrefix(base, "caf") {
			n++
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return n
}

// A PUT to a resource in one form is under way, the resource goes, and another request makes it in the other
// form: there must not be two of them in the end.
func TestOtherFormMadeDuringPut(t *testing.T) {
	for name, row := range map[string]struct {
		header []string
		status int
		makes  func(t *testing.T, url string)
	}{
		"plain":         {nil, 503, nil},
		"If-Match":      {[]string{"If-Match", "stale"}, 412, nil},
		"If-None-Match": {[]string{"If-None-Match", `"x"`}, 503, nil},
		"MKCOL":         {nil, 503, func(t *testing.T, url string) { wantStatus(t, 201, "MKCOL", url+composed, "") }},
		"LOCK":          {nil, 423, func(t *testing.T, url string) { wantStatus(t, 201, "LOCK", url+composed, exclusive) }},
		"COPY": {nil, 503, func(t *testing.T, url string) {
			wantStatus(t, 201, "PUT", url+"/src", "src")
			wantStatus(t, 201, "COPY", url+"/src", "", "Destination", url+composed)
		}},
		"MOVE": {nil, 503, func(t *testing.T, url string) {
			wantStatus(t, 201, "PUT", url+"/src", "src")
			wantStatus(t, 201, "MOVE", url+"/src", "", "Destination", url+composed)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			base := fs.NewMemory()
			// Made by way of another server: here the name would stay claimed until a moment after the answer.
			wantStatus(t, 201, "PUT", serve(t, base, handler.Options{})+decomposed, "one")
			url := serve(t, base, handler.Options{})
			res, _ := do(t, "HEAD", url+decomposed, "")
			if len(row.header) == 2 && row.header[1] == "stale" {
				row.header[1] = res.Header.Get("Etag")
			}
			// It claims the composed form, and writes to the other one, which is there.
			end := feeding(t, url+composed, row.header...)
			wantStatus(t, 204, "DELETE", url+composed, "")
			if row.makes == nil {
				wantStatus(t, 201, "PUT", url+composed, "other")
			} else {
				row.makes(t, url)
			}
			if got := end(); got != row.status {
				t.Errorf("PUT: %d, want %d", got, row.status)
			}
			if n := formsMapped(t, base); n != 1 {
				t.Errorf("%d resources", n)
			}
		})
	}
}

func wantStatus(t *testing.T, want int, method, url, body string, header ...string) {
	t.Helper()
	if res, text := do(t, method, url, body, header...); res.StatusCode != want {
		t.Errorf("%s %s: %s %s, want %d", method, url, res.Status, text, want)
	}
}

// Many clients that spell one name in both forms: at no time are there two resources.
func TestFormsNeverTwo(t *testing.T) {
	base := fs.NewMemory()
	h, err := handler.New(handler.NewTree(base, etagfs.Options{Settings: etagfs.Settings{Relaxed: true}}), handler.Options{})
	must(t, err)
	if w := dav(h, "PUT", "/src", "src"); w.Code != 201 {
		t.Fatal(w.Code)
	}
	var all sync.WaitGroup
	for client := range 8 {
		all.Go(func() {
			for n := range 300 {
				name := []string{composed, decomposed}[(client+n/3)%2]
				var code int
				switch (client + n) % 5 {
				case 0, 1:
					code = dav(h, "PUT", name, "x").Code
				case 2:
					code = dav(h, "COPY", "/src", "", "Destination", name).Code
				case 3:
					code = dav(h, "MKCOL", name, "").Code
				default:
					code = dav(h, "DELETE", name, "").Code
				}
				if code >= 500 && code != 503 {
					t.Errorf("%d", code)
				}
				if n := formsMapped(t, base); n > 1 {
					t.Errorf("%d resources", n)
					return
				}
			}
		})
	}
	all.Wait()
}
