package clients

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/studio-b12/gowebdav"
)

// Names that need care on the way: blanks, reserved characters, two scripts.
var oddNames = []string{"a b.txt", "50% #1 & 2;3+4.txt", "größe.txt", "日本語.txt", "[x] {y} 'z'.txt"}

func TestGowebdavSession(t *testing.T) {
	url, dir := judged(t)
	c := gowebdav.NewClient(url, "", "")
	must(t, c.Connect())

	must(t, c.MkdirAll("go/deep/er", 0o755))
	must(t, c.Write("go/one.txt", []byte("one"), 0o644))
	must(t, c.Write("made/on/the/way.txt", []byte("way"), 0o644)) // 409, then MKCOL of each parent
	onDisk(t, dir, "go/one.txt", "one")
	onDisk(t, dir, "made/on/the/way.txt", "way")

	large := pattern(6 << 20)
	must(t, c.WriteStream("go/stream", io.MultiReader(bytes.NewReader(large)), 0o644))
	must(t, c.WriteStreamWithLength("go/sized", bytes.NewReader(large), int64(len(large)), 0o644))
	onDisk(t, dir, "go/stream", string(large))
	got, err := c.Read("go/sized")
	must(t, err)
	if !bytes.Equal(got, large) {
		t.Error("go/sized: read bytes differ from the written ones")
	}
	part, err := c.ReadStreamRange("go/sized", 1<<20, 4096)
	must(t, err)
	got, err = io.ReadAll(part)
	must(t, err)
	must(t, part.Close())
	if !bytes.Equal(got, large[1<<20:1<<20+4096]) {
		t.Errorf("go/sized: a range of 4096 gave %d bytes, or wrong ones", len(got))
	}

	for _, name := range oddNames {
		must(t, c.Write("go/deep/"+name, []byte(name), 0o644))
		onDisk(t, dir, "go/deep/"+name, name)
	}
	members, err := c.ReadDir("go/deep")
	must(t, err)
	listed := map[string]os.FileInfo{}
	for _, m := range members {
		listed[m.Name()] = m
	}
	for _, name := range oddNames {
		if m := listed[name]; m == nil || m.Size() != int64(len(name)) || m.IsDir() {
			t.Errorf("listing of go/deep has %v for %q", m, name)
		}
	}
	if m := listed["er"]; m == nil || !m.IsDir() || len(listed) != len(oddNames)+1 {
		t.Errorf("listing of go/deep: got %v", listed)
	}

	must(t, c.Copy("go/deep", "go/copied", false))
	onDisk(t, dir, "go/copied/"+oddNames[1], oddNames[1])
	must(t, c.Rename("go/one.txt", "go/two.txt", false))
	gone(t, dir, "go/one.txt")
	if err := c.Rename("go/two.txt", "go/sized", false); err == nil {
		t.Error("a move with Overwrite: F replaced go/sized")
	}
	onDisk(t, dir, "go/sized", string(large))
	must(t, c.Rename("go/two.txt", "go/sized", true))
	onDisk(t, dir, "go/sized", "one")

	must(t, c.Remove("go/sized"))
	must(t, c.RemoveAll("go/copied"))
	gone(t, dir, "go/copied")
	must(t, c.RemoveAll("go/never")) // as os.RemoveAll: nothing to do is not an error
	if _, err := c.Stat("go/never"); !gowebdav.IsErrNotFound(err) {
		t.Errorf("stat of an unmapped URL: got %v, want 404", err)
	}
}

// The counter: no increment is lost when each save names the state that was read.
func TestGowebdavCounter(t *testing.T) {
	const clients, increments, patience = 6, 15, 2000
	url, dir := judged(t)
	must(t, gowebdav.NewClient(url, "", "").Write("counter", []byte("0 by nobody"), 0o644))

	var refused atomic.Int64
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			c := gowebdav.NewClient(url, "", "")
			for done, tries := 0, 0; done < increments; tries++ {
				if tries == patience {
					t.Errorf("%d increments in %d tries", done, tries)
					return
				}
				saved, err := increment(c, i)
				if err != nil {
					t.Error(err)
					return
				}
				if !saved {
					refused.Add(1)
					continue
				}
				done++
			}
		})
	}
	all.Wait()
	text, err := os.ReadFile(filepath.Join(dir, "counter"))
	must(t, err)
	if got, err := count(text); err != nil || got != clients*increments {
		t.Errorf("the counter holds %q, want %d", text, clients*increments)
	}
	t.Logf("%d increments, %d saves refused", clients*increments, refused.Load())
}

// count reads the number that the counter begins with.
func count(text []byte) (int, error) {
	n, _, _ := strings.Cut(string(text), " ")
	return strconv.Atoi(n)
}

// increment reads the counter and saves it plus one, if it is still as the listing said; false: 412.
// The text tells whose it is: where tags come from content, a save of the very bytes that are stored is
// no lost update (RFC 9110 §13.1.1), and succeeds.
func increment(c *gowebdav.Client, who int) (saved bool, err error) {
	info, err := c.Stat("counter")
	if err != nil {
		return false, err
	}
	tag := info.(*gowebdav.File).ETag()
	c.SetInterceptor(func(method string, r *http.Request) {
		if method == http.MethodPut || method == http.MethodGet {
			r.Header.Set("If-Match", tag)
		}
	})
	defer c.SetInterceptor(nil)
	text, err := c.Read("counter")
	if gowebdav.IsErrCode(err, http.StatusPreconditionFailed) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	n, err := count(text)
	if err != nil {
		return false, err
	}
	err = c.Write("counter", fmt.Appendf(nil, "%d by %d", n+1, who), 0o644)
	if gowebdav.IsErrCode(err, http.StatusPreconditionFailed) {
		return false, nil
	}
	return err == nil, err
}
