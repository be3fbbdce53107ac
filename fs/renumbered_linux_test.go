package fs

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Where a file cannot be given its name in one step, the name may come with another inode number: sshfs gives each name one. What a
// save returns is the state that is found by the name; here a copy plays the renumbered file.
func TestCommitWhereEachNameHasAnInodeOfItsOwn(t *testing.T) {
	if os.Getuid() != 0 {
		t.Fatal("only root can mount: run the tests as root, as CI does, or under unshare -Urm")
	}
	below, above := t.TempDir(), t.TempDir()
	if out, err := exec.Command("bindfs", below, above).CombinedOutput(); err != nil {
		t.Fatalf("bindfs: %v: %s", err, out)
	}
	t.Cleanup(func() { unix.Unmount(above, unix.MNT_DETACH) })
	for _, c := range []struct {
		body  string // of what is found by the name; "": the file itself
		later time.Duration
		ours  bool
	}{{"", 0, true}, {"body", 0, true}, {"longer", 0, false}, {"else", time.Second, false}} {
		f := openRoot(t, above, RootOptions{Hook: func(step, name string) error {
			if step != "look" || name != "f" || c.body == "" {
				return nil
			}
			is, err := os.Stat(above + "/f")
			must(t, err)
			must(t, os.WriteFile(above+"/copy", []byte(c.body), 0o644))
			must(t, os.Chtimes(above+"/copy", is.ModTime().Add(c.later), is.ModTime().Add(c.later)))
			return os.Rename(above+"/copy", above+"/f")
		}})
		info, _, err := put(f, "/f", "body", false, accept)
		must(t, err)
		now, err := f.Lookup("/f")
		must(t, err)
		if (info.Identity == now.Identity) != c.ours {
			t.Errorf("saved as %+v, and %q by that name is %+v", info.Identity, c.body, now.Identity)
		}
		must(t, os.Remove(above+"/f"))
	}
}
