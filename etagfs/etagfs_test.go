package etagfs

import (
	"context"
	"errors"
	"io"
	iofs "io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"ifmatch/fs"
)

// trees runs a test on every kind of tree, with stat tags and with content tags.
func trees(t *testing.T, test func(t *testing.T, f *FS)) {
	bases := map[string]func(t *testing.T) fs.FS{
		"memory": func(t *testing.T) fs.FS { return fs.NewMemory() },
		"disk": func(t *testing.T) fs.FS {
			base, err := fs.OpenRoot(t.TempDir(), fs.RootOptions{})
			must(t, err)
			return base
		},
	}
	for kind, open := range bases {
		for name, o := range map[string]Options{
			"stat": {}, "stat/no-notify": {Settings: Settings{NoNotify: true}},
			"content": {Settings: Settings{Content: true}}, "content/no-notify": {Settings: Settings{Content: true, NoNotify: true}},
		} {
			t.Run(kind+"/"+name, func(t *testing.T) {
				base := open(t)
				o.Relaxed = true
				f := New(base, o)
				t.Cleanup(func() { f.Close(); base.Close() })
				test(t, f)
			})
		}
	}
}

var ctx = context.Background()

// withoutNotify is the way in which all tests of this package run when the environment says so, as it does to the
// program, but for those of reports: the answers are the same.
var withoutNotify = os.Getenv("IFMATCH_NO_NOTIFY") != ""

func strong(tag ETag) bool { return !tag.IsZero() && !tag.Weak }

func put(t *testing.T, f *FS, name, body string) *Info {
	t.Helper()
	info, _, err := f.Put(ctx, name, strings.NewReader(body), PutOptions{})
	if err != nil {
		t.Fatalf("put %s: %v", name, err)
	}
	return info
}

func read(t *testing.T, f *FS, name string) (string, *Info) {
	t.Helper()
	file, err := f.Open(name)
	if err != nil {
		t.Fatalf("open %s: %v", name, err)
	}
	defer file.Close()
	b, err := io.ReadAll(file)
	must(t, err)
	return string(b), file.State()
}

func TestPutTagIsTheTagOfTheNextStatOpenAndList(t *testing.T) {
	trees(t, func(t *testing.T, f *FS) {
		for _, body := range []string{"one", "two"} { // creates, then replaces
			info := put(t, f, "/f", body)
			if info.Tag.IsZero() || info.Tag.Weak {
				t.Fatalf("put answers tag %q, want a strong one", info.Tag)
			}
			st, err := f.Stat("/f")
			must(t, err)
			got, open := read(t, f, "/f")
			if got != body {
				t.Errorf("read %q, want %q", got, body)
			}
			if st.Tag != info.Tag || open.Tag != info.Tag {
				t.Errorf("tags differ: put %s, stat %s, open %s", info.Tag, st.Tag, open.Tag)
			}
			if err := f.List("/", func(base string, i *Info) error {
				if base != "f" || i.Tag != info.Tag {
					t.Errorf("list shows %s %s, want f %s", base, i.Tag, info.Tag)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

var errRefused = errors.New("refused")

func TestRefusedCheckChangesNothing(t *testing.T) {
	trees(t, func(t *testing.T, f *FS) {
		before := put(t, f, "/f", "old")
		refuse := Write{Exact: true, Tags: true, Check: func(cur *Info) error {
			if cur == nil || cur.Tag != before.Tag {
				t.Errorf("check sees %v, want the state of /f", cur)
			}
			return errRefused
		}}
		if _, _, err := f.Put(ctx, "/f", strings.NewReader("new"), PutOptions{Write: refuse}); !errors.Is(err, errRefused) {
			t.Errorf("put: %v", err)
		}
		if err := f.Remove(ctx, "/f", refuse); !errors.Is(err, errRefused) {
			t.Errorf("remove: %v", err)
		}
		refuse2 := Write2{Check: func(s, d *Info, _ string) error { return errRefused }}
		if _, _, err := f.Move(ctx, "/f", "/g", refuse2); !errors.Is(err, errRefused) {
			t.Errorf("move: %v", err)
		}
		if _, _, err := f.Copy(ctx, "/f", "/g", CopyOptions{Write2: refuse2}); !errors.Is(err, errRefused) {
			t.Errorf("copy: %v", err)
		}
		no := func(cur *Info) error { return errRefused }
		if _, err := f.MakeCollection(ctx, "/d", time.Time{}, Write{Check: no}); !errors.Is(err, errRefused) {
			t.Errorf("mkcol: %v", err)
		}
		got, after := read(t, f, "/f")
		if got != "old" || after.Tag != before.Tag {
			t.Errorf("after refusals: %q %s, want old %s", got, after.Tag, before.Tag)
		}
		n := 0
		f.List("/", func(string, *Info) error { n++; return nil })
		if n != 1 {
			t.Errorf("%d members, want only /f", n)
		}
	})
}

func TestBrokenBodyChangesNothing(t *testing.T) {
	trees(t, func(t *testing.T, f *FS) {
		before := put(t, f, "/f", "old")
		broken := io.MultiReader(strings.NewReader("half"), errReader{})
		_, _, err := f.Put(ctx, "/f", broken, PutOptions{})
		if _, ok := errors.AsType[*BodyError](err); !ok {
			t.Errorf("err %v, want a BodyError", err)
		}
		if got, after := read(t, f, "/f"); got != "old" || after.Tag != before.Tag {
			t.Errorf("after a broken body: %q %s", got, after.Tag)
		}
	})
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

func TestThenRunsUnderTheLatchAfterTheStep(t *testing.T) {
	trees(t, func(t *testing.T, f *FS) {
		ran := false
		_, created, err := f.Put(ctx, "/f", strings.NewReader("x"), PutOptions{Write: Write{Then: func(now *Info) error {
			ran = now != nil && now.SizeBytes == 1
			return nil
		}}})
		if err != nil || !created || !ran {
			t.Errorf("created %v, then ran %v, err %v", created, ran, err)
		}
		_, _, err = f.Put(ctx, "/f", strings.NewReader("yy"), PutOptions{Write: Write{Then: func(*Info) error { return errRefused }}})
		if _, ok := errors.AsType[*AfterError](err); !ok {
			t.Errorf("err %v, want an AfterError", err)
		}
		if got, _ := read(t, f, "/f"); got != "yy" {
			t.Errorf("the step did not stay: %q", got)
		}
	})
}

// TestCollectionComesWithItsTime in one step, or nothing is left of it, and what the Check did is taken back.
func TestCollectionComesWithItsTime(t *testing.T) {
	trees(t, func(t *testing.T, f *FS) {
		stamp := time.Unix(1e9, 0)
		refuses := true
		backs := 0
		w := Write{Back: func() { backs++ }, Check: func(*Info) error {
			if !refuses {
				return nil
			}
			return errRefused
		}}
		if _, err := f.MakeCollection(ctx, "/c", stamp, w); err != errRefused || backs != 1 {
			t.Errorf("refused: %v, taken back %d times", err, backs)
		}
		refuses = false
		info, err := f.MakeCollection(ctx, "/c", stamp, w)
		if err != nil || info.ModTime().Unix() != stamp.Unix() || backs != 1 {
			t.Errorf("got %v, %v, taken back %d times", info, err, backs)
		}
		if now, err := f.Stat("/c"); err != nil || now.ModTime().Unix() != stamp.Unix() {
			t.Errorf("the time is %v, %v", now, err)
		}
		put(t, f, "/c/x", "1")
		if _, err := f.MakeCollection(ctx, "/c", stamp, w); !errors.Is(err, iofs.ErrExist) || backs != 2 {
			t.Errorf("over another: %v, taken back %d times", err, backs)
		}
		if _, err := f.Stat("/c/x"); err != nil {
			t.Errorf("its member: %v", err)
		}
		if n, err := f.base.Sweep(); n != 0 || err != nil {
			t.Errorf("%d are left under reserved names, %v", n, err)
		}
	})
}

// A time is not set before what may fail.
func TestUpdateChangesNothingWhenThenFails(t *testing.T) {
	trees(t, func(t *testing.T, f *FS) {
		fails := Write{Then: func(*Info) error { return errRefused }}
		before := put(t, f, "/f", "x")
		if _, err := f.Update(ctx, "/f", time.Unix(1e9, 0), fails); err != errRefused {
			t.Errorf("update: %v", err)
		}
		if now, err := f.StatTagged(ctx, "/f"); err != nil || now.Identity != before.Identity || now.Tag != before.Tag {
			t.Errorf("the modification time is %v, was %v; %v", now.ModTime(), before.ModTime(), err)
		}
	})
}

// TestUpdateTakesBackWhenTheTimeCannotBeSet: all or none of a PROPPATCH, also the other way round.
func TestUpdateTakesBackWhenTheTimeCannotBeSet(t *testing.T) {
	for _, fails := range []error{nil, iofs.ErrPermission} {
		f := New(timeless{fs.NewMemory(), fails}, Options{})
		put(t, f, "/f", "x")
		var steps []string
		_, err := f.Update(ctx, "/f", time.Unix(1e9, 0), Write{
			Then: func(*Info) error { steps = append(steps, "then"); return nil },
			Back: func() { steps = append(steps, "back") },
		})
		want := "then"
		if fails != nil {
			want = "then back"
		}
		if got := strings.Join(steps, " "); !errors.Is(err, fails) || got != want {
			t.Errorf("time %v: got %s, %v", fails, got, err)
		}
	}
}

// timeless fails to set a time.
type timeless struct {
	fs.FS
	err error
}

func (f timeless) SetModTime(name string, t time.Time) (was fs.Identity, now fs.Info, err error) {
	if f.err != nil {
		return was, now, f.err
	}
	return f.FS.SetModTime(name, t)
}

func TestMoveAndCopy(t *testing.T) {
	trees(t, func(t *testing.T, f *FS) {
		if _, err := f.MakeCollection(ctx, "/a", time.Time{}, Write{}); err != nil {
			t.Fatal(err)
		}
		put(t, f, "/a/x", "x")
		put(t, f, "/y", "y")
		if _, created, err := f.Copy(ctx, "/a", "/b", CopyOptions{}); err != nil || !created {
			t.Fatalf("copy: created %v, %v", created, err)
		}
		if got, _ := read(t, f, "/b/x"); got != "x" {
			t.Errorf("copied member: %q", got)
		}
		if _, created, err := f.Copy(ctx, "/y", "/b/x", CopyOptions{}); err != nil || created {
			t.Fatalf("copy over: created %v, %v", created, err)
		}
		if _, created, err := f.Move(ctx, "/b", "/a", Write2{}); err != nil || created {
			t.Fatalf("move over: created %v, %v", created, err)
		}
		if got, _ := read(t, f, "/a/x"); got != "y" {
			t.Errorf("moved member: %q", got)
		}
		if _, err := f.Stat("/b"); !errors.Is(err, iofs.ErrNotExist) {
			t.Errorf("source after move: %v", err)
		}
		if _, _, err := f.Copy(ctx, "/a", "/c", CopyOptions{Shallow: true}); err != nil {
			t.Fatal(err)
		}
		f.List("/c", func(base string, _ *Info) error { t.Errorf("a shallow copy has member %s", base); return nil })
	})
}

// A COPY of a large file ends with its request.
func TestCopyEndsWithItsRequest(t *testing.T) {
	for kind, open := range map[string]func(string, fs.RootOptions) (fs.FS, error){"root": fs.OpenRoot, "portable": fs.OpenPortable} {
		t.Run(kind, func(t *testing.T) {
			ctx, leave := context.WithCancel(ctx)
			defer leave()
			leaves := false
			dir := t.TempDir()
			base, err := open(dir, fs.RootOptions{Hook: func(step, _ string) error {
				if step == "write" && leaves {
					leave()
				}
				return nil
			}})
			must(t, err)
			defer base.Close()
			f := New(base, Options{Settings: Settings{Relaxed: true}})
			defer f.Close()
			must(t, errors.Join(os.WriteFile(dir+"/f", nil, 0o600), os.Truncate(dir+"/f", askedBytes)))
			info, _, err := f.Copy(ctx, "/f", "/whole", CopyOptions{})
			if err != nil || info.SizeBytes != askedBytes {
				t.Errorf("%+v, %v", info, err)
			}
			must(t, os.Truncate(dir+"/f", askedBytes+1))
			leaves = true
			if _, _, err := f.Copy(ctx, "/f", "/g", CopyOptions{}); !errors.Is(err, context.Canceled) {
				t.Errorf("%v, want %v", err, context.Canceled)
			}
			if _, err := f.Stat("/g"); !errors.Is(err, iofs.ErrNotExist) {
				t.Errorf("a copy of a part: %v", err)
			}
			must(t, os.WriteFile(dir+"/small", []byte("x"), 0o600))
			if _, _, err := f.Copy(ctx, "/small", "/copied", CopyOptions{}); err != nil {
				t.Errorf("of what takes no time: %v", err)
			}
		})
	}
}

func TestMissingParent(t *testing.T) {
	trees(t, func(t *testing.T, f *FS) {
		if _, _, err := f.Put(ctx, "/no/f", strings.NewReader("x"), PutOptions{}); !errors.Is(err, iofs.ErrNotExist) {
			t.Errorf("put: %v", err)
		}
		if _, err := f.MakeCollection(ctx, "/no/d", time.Time{}, Write{}); !errors.Is(err, iofs.ErrNotExist) {
			t.Errorf("mkcol: %v", err)
		}
		put(t, f, "/file", "x")
		if _, _, err := f.Put(ctx, "/file/f", strings.NewReader("x"), PutOptions{}); !errors.Is(err, fs.ErrNotDir) {
			t.Errorf("put below a file: %v", err)
		}
	})
}

// outs notes what it is told to write out.
type outs struct {
	fs.FS
	told *[]int64
}

func (o outs) Stage(name string) (fs.Staged, error) {
	s, err := o.FS.Stage(name)
	return outsStaged{s, o.told}, err
}

type outsStaged struct {
	fs.Staged
	told *[]int64
}

func (s outsStaged) WriteOut(offsetBytes, sizeBytes int64) {
	*s.told = append(*s.told, offsetBytes, sizeBytes)
	s.Staged.WriteOut(offsetBytes, sizeBytes)
}

// A large body is on its way to the disk while it comes in, so that little is left to wait for at the end; not so one
// that is not to be durable, or that is small.
func TestLargeBodiesAreWrittenOutEarly(t *testing.T) {
	for _, content := range []bool{false, true} {
		for _, relaxed := range []bool{false, true} {
			for _, sizeBytes := range []int{1000, outBytes - 1, 4 * outBytes} {
				var told []int64
				base, err := fs.OpenRoot(t.TempDir(), fs.RootOptions{})
				must(t, err)
				f := New(outs{base, &told}, Options{Settings: Settings{Relaxed: relaxed, Content: content}})
				put(t, f, "/f", strings.Repeat("x", sizeBytes))
				f.Close()
				base.Close()
				end := int64(0)
				for i := 0; i < len(told); i += 2 {
					if told[i] != end || told[i+1] < outBytes {
						t.Errorf("%d bytes are written out at %d, after %d", told[i+1], told[i], end)
					}
					end = told[i] + told[i+1]
				}
				if relaxed || sizeBytes < outBytes {
					if end != 0 {
						t.Errorf("content %v, relaxed %v, %d bytes: %d of them are written out", content, relaxed, sizeBytes, end)
					}
				} else if left := int64(sizeBytes) - end; left < 0 || left >= outBytes+2*largeBufferBytes {
					t.Errorf("content %v, %d bytes: %d of them are left for the end", content, sizeBytes, left)
				}
			}
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
