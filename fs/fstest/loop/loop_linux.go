// Package loop mounts file systems in files, for tests that need one of their own. Only root may.
package loop

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Ext4 makes an ext4 of so many bytes, with these options of mkfs.ext4, and mounts it at dir until the test ends. again
// unmounts it and mounts it once more.
func Ext4(t testing.TB, dir string, sizeBytes int64, options ...string) (again func()) {
	t.Helper()
	image := Image(t, sizeBytes)
	Run(t, append(append([]string{"mkfs.ext4", "-q", "-m", "0"}, options...), image)...)
	unmount := Mount(t, image, dir)
	return func() {
		t.Helper()
		unmount()
		Mount(t, image, dir)
	}
}

// Mount mounts the file system in image at dir until the test ends, or unmount is called.
func Mount(t testing.TB, image, dir string) (unmount func()) {
	t.Helper()
	Run(t, "mount", "-o", "loop", image, dir)
	mounted := true
	t.Cleanup(func() {
		if mounted {
			if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
				t.Error(err)
			}
		}
	})
	return func() {
		t.Helper()
		err := unix.Unmount(dir, 0)
		// What other tests start holds the files that are open here, from fork to exec.
		for tries := 0; err == unix.EBUSY && tries < 600; tries++ {
			time.Sleep(100 * time.Millisecond)
			err = unix.Unmount(dir, 0)
		}
		if err != nil {
			t.Fatalf("umount %s: %v", dir, err)
		}
		mounted = false
	}
}

// Image makes a file of so many bytes, none of which takes room yet.
func Image(t testing.TB, sizeBytes int64) string {
	t.Helper()
	mustBeRoot(t)
	image := filepath.Join(t.TempDir(), "image")
	err := os.WriteFile(image, nil, 0o600)
	if err == nil {
		err = os.Truncate(image, sizeBytes)
	}
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// Device makes a disk of a file of so many bytes, until the test ends.
func Device(t testing.TB, sizeBytes int64) (device string) {
	t.Helper()
	out := Run(t, "losetup", "--find", "--show", Image(t, sizeBytes))
	device = out[:len(out)-1]
	t.Cleanup(func() { Run(t, "losetup", "--detach", device) })
	return device
}

func mustBeRoot(t testing.TB) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("only root can mount: run the tests as root, as CI does")
	}
}

// Run runs a program that must not fail, and returns what it prints.
func Run(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", args, err, out)
	}
	return string(out)
}
