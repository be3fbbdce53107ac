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
		kept := records{}
		f, dir := disk(t, Options{Settings: Settings{Content: content}, Digests: KeepDigests(kept)})
		path := filepath.Join(dir, "f")
		must(t, os.WriteFile(path, []byte("body"), 0o644))
		writer, err := os.OpenFile(path, os.O_WRONLY, 0)
		must(t, err)
		old(f)
		_, err = f.HashAll(ctx, "/", HashOptions{})
		must(t, err)
		if _, open := read(t, f, "/f"); !open.Tag.Weak || open.Digest != nil || len(kept) > 0 {
			t.Errorf("content %v: open for writing: %+v, %d digests kept", content, open, len(kept))
		}
		must(t, writer.Close())
		if _, left := read(t, f, "/f"); left.Tag.Weak || left.Tag.IsZero() || content != (len(kept) == 1) {
			t.Errorf("content %v: left: %+v, %d digests kept", content, left, len(kept))
		}
	}
}
