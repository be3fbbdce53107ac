//go:build !arm

// go-fuse does not build for 32 bits.

package loop

import (
	"context"
	"strings"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// folding is a directory in which names that differ in case are one. Nothing can be made in it.
type folding struct {
	fs.Inode
	members map[string]*fs.Inode // as spelled; the Inode itself has one more for each other spelling that was asked for
}

// Folding mounts, until the test ends, a file system that folds case and holds these files, by their names in the root or in a
// directory of it.
func Folding(t testing.TB, files ...string) (dir string) {
	t.Helper()
	mustBeRoot(t)
	root := newFolding()
	dir = t.TempDir()
	server, err := fs.Mount(dir, root, &fs.Options{OnAdd: func(ctx context.Context) {
		for _, name := range files {
			at := root
			if in, base, ok := strings.Cut(name, "/"); ok {
				at, name = newFolding(), base
				root.members[in] = root.NewPersistentInode(ctx, at, fs.StableAttr{Mode: syscall.S_IFDIR})
			}
			at.members[name] = at.NewPersistentInode(ctx, &fs.MemRegularFile{Attr: fuse.Attr{Mode: 0o644}}, fs.StableAttr{})
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Unmount(); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func newFolding() *folding { return &folding{members: map[string]*fs.Inode{}} }

// Readdir lists the members as they are spelled.
func (f *folding) Readdir(context.Context) (fs.DirStream, syscall.Errno) {
	var all []fuse.DirEntry
	for base, member := range f.members {
		all = append(all, fuse.DirEntry{Name: base, Mode: member.Mode(), Ino: member.StableAttr().Ino})
	}
	return fs.NewListDirStream(all), 0
}

// Lookup finds a member by any spelling.
func (f *folding) Lookup(_ context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	for base, member := range f.members {
		if strings.EqualFold(base, name) {
			out.Mode = member.Mode() | 0o755
			return member, 0
		}
	}
	return nil, syscall.ENOENT
}
