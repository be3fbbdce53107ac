package fs

import (
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A file system whose clock is behind ours, as that of another machine may be, makes files look older than they are.
func TestClockBehindOurs(t *testing.T) {
	for _, behind := range []time.Duration{0, 5 * time.Second, -time.Hour} {
		file, err := os.CreateTemp(t.TempDir(), "")
		must(t, err)
		defer file.Close()
		d := tryClock(int(file.Fd()), func() time.Time { return time.Now().Add(behind) })
		if d == nil {
			t.Fatal("not tried")
		}
		want := max(behind, 0)
		if d.behind < want || d.behind > want+time.Second {
			t.Errorf("%v is found to be %v", behind, d.behind)
		}
		if d.fine != (d.granularity <= 1) {
			t.Errorf("changes are told apart within %v, and each has its own time: %v", d.granularity, d.fine)
		}
		if d.granularity > 1 && d.granularity < want {
			t.Errorf("%v behind, and changes are told apart within %v", behind, d.granularity)
		}
	}
	if got := granularity(unknownGranularity, 1, 5*time.Second); got != 1 {
		t.Errorf("every change has its own time, and they are told apart within %v", got)
	}
	if got := granularity(1, 4*time.Millisecond, 5*time.Second); got != 5*time.Second+4*time.Millisecond {
		t.Errorf("steps of 4 ms, 5 s behind: %v", got)
	}
}

// Where every change has its own time, a modification time that another state has, too, leaves no doubt.
func TestStateIsUnsureOnlyWhereChangesShareTimes(t *testing.T) {
	f := openRoot(t, t.TempDir(), RootOptions{})
	for _, fine := range []bool{false, true} {
		root := *f.tried.Load().root
		root.storeNS, root.fine = int64(time.Second), fine
		tried := *f.tried.Load()
		tried.root = &root
		f.tried.Store(&tried)
		staged, err := f.Stage("/f")
		must(t, err)
		must(t, staged.Prepare(time.Unix(1e9, 0), false))
		made, _, release, err := staged.Commit(false, func(*Info) error { return nil })
		must(t, err)
		release()
		_, dated, err := f.SetModTime("/f", time.Unix(1e9, 0))
		must(t, err)
		if made.Unsure == fine || dated.Unsure == fine {
			t.Errorf("fine %v: a save is unsure: %v, a time that was set: %v", fine, made.Unsure, dated.Unsure)
		}
	}
}

// A file of which no lease can be had was written to a minute ago, as the clock behind ours says; it was a second ago.
func TestSettledWhereTheClockIsBehind(t *testing.T) {
	dir := t.TempDir()
	f := openRoot(t, dir, RootOptions{})
	mustPut(t, f, "/f", "x")
	for behind, want := range map[time.Duration]bool{0: true, longWrite: false} {
		root := *f.tried.Load().root
		root.behind = behind
		tried := *f.tried.Load()
		tried.root = &root
		f.tried.Store(&tried)
		file, err := f.OpenRead("/f")
		must(t, err)
		defer file.Close()
		old := file.(*DiskFile)
		old.info.Ctime -= int64(longWrite + time.Second)
		if got := settledBy(unix.EACCES, old.age()); got != want {
			t.Errorf("%v behind: settled %v", behind, got)
		}
	}
}
