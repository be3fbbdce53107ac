package doctor

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

var uploadChecks = []check{
	{"an upload that breaks off leaves the old bytes", "a lost connection destroys the file, and the old text is gone as well", tornReplace},
	{"an upload without length that breaks off leaves the old bytes", "a lost connection destroys the file when a client streams", tornChunked},
	{"an upload that breaks off creates nothing", "half a file stands there and looks like a whole one", tornCreate},
	{"a reader during an upload gets the old bytes, whole", "readers, backups and synchronizers take half a file for the new one", readDuring},
}

const tornSize = 1 << 20

// errBroken breaks an upload off.
var errBroken = errors.New("broken off on purpose")

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errBroken }

// breakOff sends half of a PUT and closes the connection. A sizeBytes of -1 sends it in chunks.
func (x *exam) breakOff(name string, sizeBytes int64, header ...string) {
	body := io.MultiReader(strings.NewReader(strings.Repeat("n", tornSize/2)), broken{})
	r, err := x.request(x.ctx, http.MethodPut, name, body, sizeBytes, header...)
	if err != nil {
		x.fail(err)
		return
	}
	conn, err := x.c.Dial(x.ctx, r.URL)
	if err != nil {
		x.fail(err)
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience / 2))
	r.Write(conn) // always an error: that of the body, or that of a server which does not want it
}

// keeps looks for a second whether the text stays.
func (x *exam) keeps(name, want string) Finding {
	for range 6 {
		if now := x.text(name); now != want {
			return wrong("there is %s now", short(now))
		}
		time.Sleep(150 * time.Millisecond)
	}
	return right()
}

func tornReplace(x *exam) Finding {
	n := x.fresh()
	x.put(n, "the old bytes")
	x.breakOff(n, tornSize, x.whatever()...)
	return x.keeps(n, "the old bytes")
}

func tornChunked(x *exam) Finding {
	n := x.fresh()
	x.put(n, "the old bytes")
	if a, err := x.sendBody(x.ctx, http.MethodPut, n, strings.NewReader("in chunks"), -1, x.whatever()...); err != nil || !a.ok() {
		return absent("uploads without length are not accepted: %v", a)
	}
	x.put(n, "the old bytes")
	x.breakOff(n, -1, x.whatever()...)
	return x.keeps(n, "the old bytes")
}

func tornCreate(x *exam) Finding {
	n := x.fresh()
	x.breakOff(n, tornSize)
	if f := x.keeps(n, ""); f.Verdict != Right {
		return f
	}
	if a := x.send(http.MethodHead, n, nil); a.ok() {
		return wrong("there is an empty file now")
	}
	return right()
}

func readDuring(x *exam) Finding {
	n := x.fresh()
	x.put(n, "the old bytes")
	text := strings.Repeat("n", tornSize)
	in, out := io.Pipe()
	stored := make(chan answer, 1)
	go func() {
		a, err := x.sendBody(x.ctx, http.MethodPut, n, in, tornSize, x.whatever()...)
		if err != nil {
			x.fail(err)
		}
		in.Close()
		stored <- a
	}()
	io.WriteString(out, text[:tornSize/2])
	time.Sleep(300 * time.Millisecond)
	now := x.send(http.MethodGet, n, nil)
	io.WriteString(out, text[tornSize/2:])
	out.Close()
	a := <-stored
	switch {
	case now.status/100 >= 4:
		return noteworthy("reading was answered %v during the upload", now)
	case string(now.body) != "the old bytes":
		return wrong("a GET during the upload got %s", short(string(now.body)))
	case !a.ok() && x.text(n) == "the old bytes":
		return absent("an upload of %d bytes is not accepted: %v", tornSize, a)
	case !a.ok() || x.text(n) != text:
		return wrong("the upload was answered %v, and there is %s afterwards", a, short(x.text(n)))
	}
	return right()
}
