package fs

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ifmatch/fs/fstest/loop"
)

// mountExt4 mounts an ext4 of its own; again unmounts it and mounts it once more.
func mountExt4(t *testing.T, sizeBytes int64, options ...string) (dir string, again func()) {
	t.Helper()
	dir = t.TempDir()
	return dir, loop.Ext4(t, dir, sizeBytes, options...)
}

// What is expected has its blocks before it is written, but no more than as much again as has come, whatever length a client
// claims; in the end the file has those of its bytes.
func TestBlocksAheadOfBytes(t *testing.T) {
	const mib = 1 << 20
	dir, _ := mountExt4(t, 400*mib)
	f := openRoot(t, dir, RootOptions{})
	blocks := func(s Staged) int64 {
		t.Helper()
		var st unix.Stat_t
		must(t, unix.Fstat(s.(*staged).fd, &st))
		return st.Blocks * 512
	}
	within := func(what string, got, least, most int64) {
		t.Helper()
		if got < least || got > most {
			t.Errorf("%s: %d bytes of blocks, want %d to %d", what, got, least, most)
		}
	}
	body := make([]byte, 100*mib)
	source := filepath.Join(t.TempDir(), "source")
	must(t, os.WriteFile(source, body, 0o600))
	for _, way := range []string{"Write", "ReadFrom", "copy"} {
		s, err := f.Stage("/" + way)
		if err == nil {
			err = s.Expect(int64(len(body)), true)
		}
		wantErr(t, way, err, nil)
		if way == "Write" {
			within("before the first byte", blocks(s), 0, 0)
			came := int64(0)
			write := func(n int64) {
				t.Helper()
				if err == nil {
					_, err = s.Write(body[came : came+n])
				}
				came += n
			}
			write(16 << 10)
			within("of a client that claims much", blocks(s), mib, mib+mib/2)
			write(8 * mib)
			within("as much again as has come, after 8 MiB", blocks(s), 8*mib, 17*mib)
			for came < 70*mib {
				write(mib)
			}
			within("after 70 MiB", blocks(s), came, int64(len(body))+mib)
			write(int64(len(body)) - came)
		} else if way == "ReadFrom" {
			_, err = s.ReadFrom(bytes.NewReader(body))
		} else {
			var src *os.File
			if src, err = os.Open(source); err == nil {
				defer src.Close()
				_, err = s.ReadFrom(src)
			}
		}
		if err == nil {
			err = s.Prepare(time.Time{}, true)
		}
		wantErr(t, way, err, nil)
		info, _, release, err := s.Commit(true, accept)
		wantErr(t, way, err, nil)
		release()
		if info.SizeBytes != int64(len(body)) {
			t.Errorf("%s: %d bytes", way, info.SizeBytes)
		}
		var st unix.Stat_t
		must(t, unix.Stat(filepath.Join(dir, way), &st))
		within(way, st.Blocks*512, int64(len(body)), int64(len(body))+mib)
		if _, err := f.Retire("/"+way, false, accept); err != nil {
			t.Fatal(err)
		}
	}
}

// Room that is gone when the bytes come is what write says, and nothing is kept of the upload.
func TestBlocksAheadOnFullDisk(t *testing.T) {
	const mib = 1 << 20
	dir, _ := mountExt4(t, 200*mib)
	f := openRoot(t, dir, RootOptions{})
	before, err := f.Usage("/")
	wantErr(t, "usage", err, nil)
	s, err := f.Stage("/f")
	if err == nil {
		err = s.Expect(120*mib, true)
	}
	if err == nil {
		_, err = s.Write(make([]byte, mib))
	}
	wantErr(t, "the first MiB", err, nil)
	other, err := os.Create(filepath.Join(dir, "other"))
	if err == nil {
		err = unix.Fallocate(int(other.Fd()), 0, 0, before.AvailableBytes-80*mib)
	}
	wantErr(t, "another program takes the room", err, nil)
	other.Close()
	_, err = s.Write(make([]byte, 70*mib))
	wantErr(t, "what there is room for", err, nil)
	_, err = s.Write(make([]byte, 49*mib))
	wantErr(t, "the rest", err, ErrNoSpace)
	s.Discard()
	must(t, os.Remove(filepath.Join(dir, "other")))
	if after, err := f.Usage("/"); err != nil || after.AvailableBytes < before.AvailableBytes-mib {
		t.Errorf("%+v, %v; before it was %+v", after, err, before)
	}
}

// Who does not ask for durable bytes has the old ones or the new ones after a power cut, also of a large file: ext4 writes
// what a rename puts in the place of a file, but only while it has no blocks.
func TestUnsyncedLargeSaveKeepsOneVersionWhole(t *testing.T) {
	dir, again := mountExt4(t, 100<<20)
	f := openRoot(t, dir, RootOptions{})
	save := func(b byte) []byte {
		t.Helper()
		body := bytes.Repeat([]byte{b}, 3<<20)
		s, err := f.Stage("/f")
		if err == nil {
			err = s.Expect(int64(len(body)), false)
		}
		if err == nil {
			_, err = s.Write(body)
		}
		if err == nil {
			err = s.Prepare(time.Time{}, false)
		}
		wantErr(t, "save", err, nil)
		_, _, release, err := s.Commit(false, accept)
		wantErr(t, "save", err, nil)
		release()
		return body
	}
	before := save('a')
	wantErr(t, "sync", f.SyncAll(), nil)
	after := save('b')
	time.Sleep(300 * time.Millisecond) // for what is on its way to the disk
	shutDown(t, dir, true)
	wantErr(t, "close", f.Close(), nil)
	again()
	got, err := os.ReadFile(filepath.Join(dir, "f"))
	if err != nil || !bytes.Equal(got, before) && !bytes.Equal(got, after) {
		t.Errorf("%d bytes, neither the old ones nor the new, %v", len(got), err)
	}
}
