package fs

import (
	"os"
	"os/exec"
	"testing"

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
	for body, ours := range map[string]bool{"body": true, "longer": false} {
		f := openRoot(t, above, RootOptions{Hook: func(step, name string) error {
			if step != "look" || name != "f" {
				return nil
			}
			is, err := os.Stat(above + "/f")
			must(t, err)
			must(t, os.WriteFile(above+"/copy", []byte(body), 0o644))
			must(t, os.Chtimes(above+"/copy", is.ModTime(), is.ModTime()))
			return os.Rename(above+"/copy", above+"/f")
		}})
		info, _, err := put(f, "/f", "body", false, accept)
		must(t, err)
		now, err := f.Lookup("/f")
		must(t, err)
		if (info.Identity == now.Identity) != ours {
			t.Errorf("saved as %+v, and %q by that name is %+v", info.Identity, body, now.Identity)
		}
		must(t, os.Remove(above+"/f"))
	}
}
