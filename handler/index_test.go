package handler

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"ifmatch/etagfs"
	"ifmatch/fs"
)

// A small index is sorted, collections first; a huge one is streamed with all its members.
func TestIndexOrderAndSize(t *testing.T) {
	defer func(n int) { sortedMembers = n }(sortedMembers)
	sortedMembers = 100
	for _, members := range []int{30, 250} {
		base := fs.NewMemory()
		h, err := New(NewTree(base, etagfs.Options{}), Options{})
		must(t, err)
		if _, err := base.MakeCollection("/zz"); err != nil {
			t.Fatal(err)
		}
		for i := range members - 1 {
			f, err := base.Create(fmt.Sprintf("/m%05d", (i*7919)%members))
			must(t, err)
			f.Close()
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept", "text/html")
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		body := rec.Body.String()
		if got := strings.Count(body, "<tr role="); rec.Code != 200 || got != members {
			t.Errorf("%d: %d rows of %d", rec.Code, got, members)
		}
		if !strings.HasSuffix(body, "</html>\n") {
			t.Error("the page is not whole")
		}
		if sorted := !strings.Contains(body, "too many"); sorted != (members <= sortedMembers) {
			t.Errorf("%d members, sorted: %v", members, sorted)
		}
		if members == 30 && (strings.Index(body, "zz/") > strings.Index(body, "m00002") || strings.Index(body, "m00002") > strings.Index(body, "m00003")) {
			t.Error("not sorted")
		}
	}
}

// Links are relative where the URL that was asked for has a slash at its end, and absolute where it has none.
func TestLinksOfAPlainList(t *testing.T) {
	base := fs.NewMemory()
	_, err := base.MakeCollection("/f")
	must(t, err)
	h, err := New(NewTree(base, etagfs.Options{}), Options{Prefix: "/a b/c:d"})
	must(t, err)
	for _, at := range []string{"/a%20b/c:d", "/a%20b/c:d/", "/a%20b/c:d/.", "/a%20b//c:d//"} {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, at, nil))
		place := ""
		if at == "/a%20b/c:d" {
			place = "/a%20b/c:d/"
		}
		if body := rec.Body.String(); !strings.Contains(body, `<a href="`+place+`f/">`) || rec.Header().Get("Content-Location") != place {
			t.Errorf("%s: %v\n%s", at, rec.Header(), body)
		}
	}
}

func TestSizesForPeople(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1 << 20: "1.0 MiB", 1<<20 - 1: "1.0 MiB", 5 << 30: "5.0 GiB", 1<<63 - 1: "8.0 EiB",
	} {
		if got := sizeForPeople(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}
