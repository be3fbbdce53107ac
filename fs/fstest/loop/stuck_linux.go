//go:build !arm

package loop

import (
	"context"
	"sync"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

type stuck struct {
	fs.MemRegularFile
	mu sync.Mutex
}

// Stuck mounts, until the test ends, a file system with one file that tells nothing about itself (statfs) while mu is held, like
// one of a machine that does not answer.
func Stuck(t testing.TB, file string) (dir string, mu *sync.Mutex) {
	t.Helper()
	mustBeRoot(t)
	root, member := new(fs.Inode), new(stuck)
	member.Attr.Mode = 0o644
	dir = t.TempDir()
	server, err := fs.Mount(dir, root, &fs.Options{OnAdd: func(ctx context.Context) {
		root.AddChild(file, root.NewPersistentInode(ctx, member, fs.StableAttr{}), false)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Unmount(); err != nil {
			t.Error(err)
		}
	})
	return dir, &member.mu
}

func (s *stuck) Statfs(context.Context, *fuse.StatfsOut) syscall.Errno {
	s.mu.Lock()
	defer s.mu.Unlock()
	return 0
}
