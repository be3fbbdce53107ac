package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// deaf is a server that gives tags and ignores every precondition, as nginx does. It holds one resource.
type deaf struct {
	serial int // makes the tag
	text   string
	fickle bool // each answer has another tag
}

func (d *deaf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPut {
		body, _ := io.ReadAll(r.Body)
		d.serial++
		d.text = string(body)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if d.fickle {
		d.serial++
	}
	w.Header().Set("ETag", strconv.Quote(strconv.Itoa(d.serial)))
	io.WriteString(w, d.text)
}

// Where the server does not look at the condition, edit looks itself: what was saved while the editor was open is
// merged and not overwritten.
func TestEditLooksBeforeItSaves(t *testing.T) {
	s := &deaf{text: "milk\neggs\nbread\n"}
	c, u := start(t, s)
	theirs := true
	saved, err := c.Edit(t.Context(), u, Editing{Dir: t.TempDir(), Say: t.Logf, Open: func(_ context.Context, file string) error {
		if theirs {
			s.text, s.serial, theirs = "milk\neggs\nBREAD\n", s.serial+1, false
		}
		return os.WriteFile(file, []byte("MILK\neggs\nbread\n"), 0o600)
	}})
	if err != nil || !saved || s.text != "MILK\neggs\nBREAD\n" {
		t.Errorf("saved %v, %v; there is %q", saved, err, s.text)
	}
}

// A server that shows another tag each time is not asked for ever, and nothing of the text is lost.
func TestEditGivesUpOnTagsThatNeverStay(t *testing.T) {
	s := &deaf{text: "milk\n", fickle: true}
	c, u := start(t, s)
	dir := t.TempDir()
	_, err := c.Edit(t.Context(), u, Editing{Dir: dir, Say: t.Logf, Open: func(_ context.Context, file string) error {
		return os.WriteFile(file, []byte("soap\n"), 0o600)
	}})
	if _, refused := errors.AsType[*Refusal](err); !refused || s.text != "milk\n" {
		t.Errorf("%v; there is %q", err, s.text)
	}
	kept, _ := filepath.Glob(filepath.Join(dir, "*", "*"))
	if len(kept) != 1 || !strings.Contains(err.Error(), kept[0]) {
		t.Errorf("kept: %q; it says %v", kept, err)
	}
}
