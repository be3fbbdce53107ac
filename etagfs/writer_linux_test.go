package etagfs

import (
	"os"
	"path/filepath"
	"testing"
)

// While another program has a file open for writing, a write(2) may be under way that has moved the times already: what is
// read gets no strong tag, and its digest is not kept.
func TestFileOpenForWritingHasNoStrongTag(t *testing.T) {
	for _, content := range []bool{false, true} {
		f, dir := disk(t, Options{Settings: Settings{Content: content}})
		path := filepath.Join(dir, "f")
		must(t, os.WriteFile(path, []byte("body"), 0o644))
		writer, err := os.OpenFile(path, os.O_WRONLY, 0)
		must(t, err)
		old(f)
		hashed := func() int64 {
			p, err := f.HashAll(ctx, "/", HashOptions{})
			must(t, err)
			return p.Files
		}
		if _, open := read(t, f, "/f"); !open.Tag.Weak || open.Digest != nil || hashed() > 0 {
			t.Errorf("content %v: open for writing: %+v", content, open)
		}
		// Of bytes that may change no two answers have a tag in common: it would match weakly, and earn a 304.
		_, one := read(t, f, "/f")
		_, two := read(t, f, "/f")
		if one.Tag.WeakMatch(two.Tag) {
			t.Errorf("content %v: open for writing: %s twice", content, one.Tag)
		}
		must(t, writer.Close())
		if content != (hashed() == 1) {
			t.Errorf("content %v: left, and not hashed", content)
		}
		if _, left := read(t, f, "/f"); left.Tag.Weak || left.Tag.IsZero() {
			t.Errorf("content %v: left: %+v", content, left)
		}
	}
}
