package etagfs

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"ifmatch/fs"
)

// othersize says another size of the files that are read than they have, as /proc, /sys and some file systems in user space do.
type othersize struct {
	fs.FS
	sizeBytes int64
	read      int // bytes
}

func (o *othersize) Lookup(name string) (fs.Info, error) {
	info, err := o.FS.Lookup(name)
	if !info.IsCollection() {
		info.SizeBytes = o.sizeBytes
	}
	return info, err
}

func (o *othersize) OpenRead(name string) (fs.File, error) {
	f, err := o.FS.OpenRead(name)
	return &othersizeFile{f, o}, err
}

type othersizeFile struct {
	fs.File
	o *othersize
}

func (f *othersizeFile) Info() fs.Info {
	info := f.File.Info()
	info.SizeBytes = f.o.sizeBytes
	return info
}

func (f *othersizeFile) Again() (fs.Info, error) {
	info, err := f.File.Again()
	info.SizeBytes = f.o.sizeBytes
	return info, err
}

func (f *othersizeFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	f.o.read += n
	return n, err
}

// A file of another size than its state says has no representation that could be told: it gets no digest, and is not copied. Nor is it
// read to its end, which some do not have.
func TestFileOfAnotherSizeThanItSays(t *testing.T) {
	for _, o := range []Options{{Settings: Settings{Content: true}}, {}} {
		for _, size := range []int64{0, 999, 1001} {
			dir := t.TempDir()
			root, err := fs.OpenRoot(dir, fs.RootOptions{})
			must(t, err)
			defer root.Close()
			must(t, os.WriteFile(filepath.Join(dir, "f"), make([]byte, 1000), 0o644))
			odd := &othersize{FS: root, sizeBytes: size}
			f := New(odd, o)
			defer f.Close()
			if info, err := f.Stat("/f"); err != nil || o.Content && !info.Tag.IsZero() {
				t.Errorf("size %d: %v, %v", size, info, err)
			}
			if o.Content && size == 0 && odd.read > 1 {
				t.Errorf("%d bytes were read of a file that says it has none", odd.read)
			}
			if _, _, err := f.Copy(ctx, "/f", "/g", CopyOptions{}); !errors.Is(err, fs.ErrBusy) {
				t.Errorf("copy of one that says %d: %v", size, err)
			}
			if _, err := os.Stat(filepath.Join(dir, "g")); !os.IsNotExist(err) {
				t.Errorf("size %d: a copy is there: %v", size, err)
			}
		}
	}
}

// A log is written whenever somebody looks whether it still is.
type busyLog struct {
	fs.FS
	path string
}

type busyLogFile struct {
	fs.File
	path string
}

func (l *busyLog) OpenRead(name string) (fs.File, error) {
	f, err := l.FS.OpenRead(name)
	return &busyLogFile{f, l.path}, err
}

func (f *busyLogFile) Settled() bool {
	if log, err := os.OpenFile(f.path, os.O_APPEND|os.O_WRONLY, 0); err == nil {
		log.WriteString("a line\n")
		log.Close()
	}
	return false
}

// Who has waited for a writer in vain reads the state that is there then, or every download of a log would be cut off.
func TestOpenOfALogThatIsWritten(t *testing.T) {
	dir := t.TempDir()
	root, err := fs.OpenRoot(dir, fs.RootOptions{})
	must(t, err)
	defer root.Close()
	path := filepath.Join(dir, "log")
	must(t, os.WriteFile(path, nil, 0o644))
	f := New(&busyLog{root, path}, Options{Settings: Settings{NoNotify: true}})
	defer f.Close()
	file, err := f.Open("/log")
	must(t, err)
	defer file.Close()
	there, err := os.Stat(path)
	must(t, err)
	if s := file.State(); s.SizeBytes != there.Size() || there.Size() == 0 || !s.Tag.Weak {
		t.Errorf("opened with %d bytes of %d, tag %v", s.SizeBytes, there.Size(), s.Tag)
	}
}
