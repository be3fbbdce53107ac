package fs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ifmatch/fs/fstest/loop"
)

// shutDown stops an ext4 as a power cut does: nothing more is written but, with the journal, that.
func shutDown(t *testing.T, dir string, journal bool) {
	t.Helper()
	flag := 2 // EXT4_GOING_FLAGS_NOLOGFLUSH
	if journal {
		flag = 1
	}
	d, err := os.Open(dir)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(d.Fd()), 0x8004587d, flag) // EXT4_IOC_SHUTDOWN
		d.Close()
	}
	must(t, err)
}

// Only of an ext4 with a journal on its own disk, written after the bytes, is it known that a name is not on the disk without them.
func TestJournalWithin(t *testing.T) {
	const size = 32 << 20
	for _, c := range []struct {
		what    string
		options func() []string
		want    bool
	}{
		{"within", func() []string { return nil }, true},
		{"none", func() []string { return []string{"-O", "^has_journal"} }, false},
		{"on another disk", func() []string {
			disk := loop.Device(t, size)
			loop.Run(t, "mkfs.ext4", "-q", "-O", "journal_dev", "-b", "4096", disk)
			return []string{"-b", "4096", "-J", "device=" + disk}
		}, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			dir, _ := mountExt4(t, size, c.options()...)
			if got := openRoot(t, dir, RootOptions{}).tried.Load().ordered; got != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
	image, dir := loop.Image(t, size), t.TempDir()
	loop.Run(t, "mkfs.ext4", "-q", image)
	loop.Run(t, "tune2fs", "-o", "journal_data_writeback", "-E", "mount_opts=journal_async_commit", image)
	loop.Mount(t, image, dir)
	if openRoot(t, dir, RootOptions{}).tried.Load().ordered {
		t.Error("written beside the bytes")
	}
	if openRoot(t, mount(t, "tmpfs", "tmpfs", "", 0), RootOptions{}).tried.Load().ordered {
		t.Error("tmpfs")
	}
}

// Before the step the file is fsynced, or its bytes are written before the journal can tell of the step; after it the directory is
// fsynced.
func TestBytesAreSecuredBeforeTheStep(t *testing.T) {
	for _, c := range []struct {
		journal []string
		fails   error
		want    []string
	}{
		{nil, nil, []string{"write out /f", "step", "fsync /"}},
		{nil, unix.ENOSYS, []string{"write out /f", "fsync /f", "step", "fsync /"}},
		{[]string{"-O", "^has_journal"}, nil, []string{"fsync /f", "step", "fsync /"}},
	} {
		dir, _ := mountExt4(t, 32<<20, c.journal...)
		var steps []string
		f := openRoot(t, dir, RootOptions{Hook: func(step, name string) error {
			fails := error(nil)
			switch step {
			case "link", "rename", "exchange":
				step = "step"
			case "write out", "fsync":
				if step == "write out" {
					fails = c.fails
				}
				step += " " + name
			default:
				return nil
			}
			if n := len(steps); n == 0 || steps[n-1] != step {
				steps = append(steps, step)
			}
			return fails
		}})
		for _, exact := range []bool{false, true} { // is created, is replaced
			steps = nil
			save(t, f, []byte("body"), exact)
			wantErr(t, "sync", f.SyncDir("/"), nil)
			if !slices.Equal(steps, c.want) {
				t.Errorf("%v, exact %v: %q, want %q", c.journal, exact, steps, c.want)
			}
		}
		if read(t, f, "/f") != "body" {
			t.Error("not saved")
		}
	}
}

// The journal of the root tells nothing of a file system that is mounted below.
func TestBytesOnAMountBelowAreSynced(t *testing.T) {
	dir, _ := mountExt4(t, 32<<20)
	must(t, os.Mkdir(filepath.Join(dir, "m"), 0o755))
	must(t, unix.Mount("inside", filepath.Join(dir, "m"), "tmpfs", 0, ""))
	t.Cleanup(func() { unix.Unmount(filepath.Join(dir, "m"), unix.MNT_DETACH) })
	for name, want := range map[string]string{"/f": "write out", "/m/f": "fsync"} {
		var steps []string
		f := openRoot(t, dir, RootOptions{Hook: func(step, of string) error {
			if of == name {
				steps = append(steps, step)
			}
			return nil
		}})
		s, err := f.Stage(name)
		must(t, err)
		defer s.Discard()
		must(t, s.Prepare(time.Time{}, true))
		if !slices.Contains(steps, want) {
			t.Errorf("%s: %q", name, steps)
		}
	}
}

// save puts body to /f as one who asks for durable bytes; SyncDir is still to come.
func save(t *testing.T, f FS, body []byte, exact bool) {
	t.Helper()
	s, err := f.Stage("/f")
	if err == nil {
		defer s.Discard()
		_, err = s.Write(body)
	}
	if err == nil {
		err = s.Prepare(time.Time{}, true)
	}
	wantErr(t, "save", err, nil)
	_, _, release, err := s.Commit(exact, accept)
	wantErr(t, "save", err, nil)
	release()
}

// A power cut after the step finds the old bytes or the new ones, when the journal was written in between, too; after SyncDir it
// finds the new ones.
func TestPowerCutAroundOrderedSave(t *testing.T) {
	for _, exact := range []bool{false, true} {
		for _, size := range []int{100, 3 << 20} {
			for _, synced := range []bool{false, true} {
				t.Run(fmt.Sprintf("exact=%v,%d,synced=%v", exact, size, synced), func(t *testing.T) {
					dir, again := mountExt4(t, 64<<20)
					f := openRoot(t, dir, RootOptions{})
					save(t, f, bytes.Repeat([]byte{'a'}, size), false)
					wantErr(t, "sync", f.SyncAll(), nil)
					after := bytes.Repeat([]byte{'b'}, size)
					save(t, f, after, exact)
					if synced {
						wantErr(t, "sync", f.SyncDir("/"), nil)
					}
					shutDown(t, dir, !synced)
					wantErr(t, "close", f.Close(), nil)
					again()
					// The journal is there, hence the name, hence all of the bytes.
					got, err := os.ReadFile(filepath.Join(dir, "f"))
					if err != nil || !bytes.Equal(got, after) {
						t.Errorf("%d bytes, not the new ones, %v", len(got), err)
					}
				})
			}
		}
	}
}

// What is mounted below the root is made durable with it, and with a directory that may be written and not read.
func TestSyncReachesMounts(t *testing.T) {
	for what, sync := range map[string]func(f *Root) error{
		"all": (*Root).SyncAll,
		"directory": func(f *Root) error {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			unix.Setfsuid(5001)
			defer unix.Setfsuid(0)
			return f.SyncDir("/m/drop")
		},
	} {
		t.Run(what, func(t *testing.T) {
			dir := openDir(t)
			must(t, os.MkdirAll(dir+"/tree/m", 0o755))
			again := loop.Ext4(t, dir+"/tree/m", 32<<20)
			drop := dir + "/tree/m/drop"
			must(t, os.Mkdir(drop, 0o300))
			must(t, os.Chown(drop, 5001, 5001))
			f := openRoot(t, dir+"/tree", RootOptions{})
			wantErr(t, "sync", f.SyncDir("/m"), nil)
			mustPut(t, f, "/m/drop/f", "text")
			wantErr(t, "sync", sync(f), nil)
			shutDown(t, dir+"/tree/m", false)
			wantErr(t, "close", f.Close(), nil)
			again()
			if got, err := os.ReadFile(drop + "/f"); string(got) != "text" {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}
