package fs

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// mountExt4 mounts a new ext4 of so many bytes.
func mountExt4(t *testing.T, sizeBytes int64) string {
	t.Helper()
	needRoot(t)
	dir, image := t.TempDir(), filepath.Join(t.TempDir(), "image")
	file, err := os.Create(image)
	if err == nil {
		err = file.Truncate(sizeBytes)
	}
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
	for _, args := range [][]string{{"mkfs.ext4", "-q", "-m", "0", image}, {"mount", "-o", "loop", image, dir}} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", args, err, out)
		}
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// What is expected has its blocks before it is written, but no more than as much again as has come, whatever length a client
// claims; in the end the file has those of its bytes.
func TestBlocksAheadOfBytes(t *testing.T) {
	const mib = 1 << 20
	dir := mountExt4(t, 400*mib)
	f := openRoot(t, dir, RootOptions{})
	blocks := func(s Staged) int64 {
		t.Helper()
		var st unix.Stat_t
		if err := unix.Fstat(s.(*staged).fd, &st); err != nil {
			t.Fatal(err)
		}
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
	if err := os.WriteFile(source, body, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, way := range []string{"Write", "ReadFrom", "copy"} {
		s, err := f.Stage("/" + way)
		if err == nil {
			err = s.Expect(int64(len(body)))
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
		if err := unix.Stat(filepath.Join(dir, way), &st); err != nil {
			t.Fatal(err)
		}
		within(way, st.Blocks*512, int64(len(body)), int64(len(body))+mib)
		if _, err := f.Retire("/"+way, false, accept); err != nil {
			t.Fatal(err)
		}
	}
}

// Room that is gone when the bytes come is what write says, and nothing is kept of the upload.
func TestBlocksAheadOnFullDisk(t *testing.T) {
	const mib = 1 << 20
	dir := mountExt4(t, 200*mib)
	f := openRoot(t, dir, RootOptions{})
	before, err := f.Usage("/")
	wantErr(t, "usage", err, nil)
	s, err := f.Stage("/f")
	if err == nil {
		err = s.Expect(120 * mib)
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
	if err := os.Remove(filepath.Join(dir, "other")); err != nil {
		t.Fatal(err)
	}
	if after, err := f.Usage("/"); err != nil || after.AvailableBytes < before.AvailableBytes-mib {
		t.Errorf("%+v, %v; before it was %+v", after, err, before)
	}
}
