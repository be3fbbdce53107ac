package fs

import (
	"fmt"
	"math"
	"time"

	"golang.org/x/sys/unix"
)

// probe tries in the served directory what this package needs, since mount options, containers
// and network file systems make the type of a file system a poor witness. It leaves nothing.
// Where it may not write it finds nothing out; every operation has its second way anyhow.
func (r *Root) probe(opts RootOptions) error {
	t := &tried{RootOptions: opts, root: unknown, features: Features{Beneath: true, Granularity: unknownGranularity, ReadOnly: opts.ReadOnly}}
	r.tried.Store(t)
	var fs unix.Statfs_t
	if unix.Fstatfs(r.fd, &fs) == nil {
		t.features.Kind = kindName(int64(fs.Type))
		t.features.ReadOnly = opts.ReadOnly || fs.Flags&unix.ST_RDONLY != 0
	}
	if t.features.ReadOnly {
		t.features.Folds = r.folds("")
		return nil
	}
	if appendOnly(r.fd) { // what is tried would stay
		t.features.Untried, t.features.Folds = true, r.folds("")
		return nil
	}
	r.probeTmpfile(t)
	t.ordered = journalWithin(r.fd)
	name := r.reserved()
	fd, err := unix.Openat(r.fd, name, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil { // unless it is read-only there is no permission here, or no space now
		t.features.ReadOnly, t.features.Untried, t.features.Folds = err == unix.EROFS, err != unix.EROFS, r.folds("")
		return nil
	}
	t.features.Folds = r.folds(name)
	// In memory there is an fsync, too, and nothing that it could write to.
	t.features.Sync = t.features.Kind != "tmpfs" && t.features.Kind != "ramfs" && fsync(fd) == nil && fsync(r.fd) == nil
	if root := tryClock(fd, time.Now); root != nil {
		t.root, t.features.Granularity = root, root.granularity
	}
	unix.Close(fd)
	t.features.Lease = r.probeLease(name)
	other := r.reserved()
	t.features.Exchange = r.probeExchange(name, other)
	unix.Unlinkat(r.fd, other, 0)
	return unix.Unlinkat(r.fd, name, 0)
}

// probeTmpfile finds whether an unnamed file can be made and named, and how.
func (r *Root) probeTmpfile(t *tried) {
	fd, err := openInside(r.fd, ".", unix.O_TMPFILE|unix.O_RDWR, 0o600)
	if err != nil {
		t.noTmpfile = err == unix.EOPNOTSUPP || err == unix.EISDIR
		return
	}
	defer unix.Close(fd)
	for _, t.linkEmpty = range []bool{true, false} {
		name := r.reserved()
		if err = r.linkFD(fd, r.fd, name); err == nil {
			unix.Unlinkat(r.fd, name, 0)
			t.features.Tmpfile = true
			return
		}
	}
	t.noTmpfile = true // without CAP_DAC_READ_SEARCH, on an old kernel, without /proc
}

func (r *Root) probeLease(name string) bool {
	fd, err := openIn(r.fd, name, unix.O_RDONLY)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	_, err = unix.FcntlInt(uintptr(fd), unix.F_SETLEASE, unix.F_RDLCK)
	return err == nil
}

func (r *Root) probeExchange(a, b string) bool {
	fd, err := unix.Openat(r.fd, b, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return false
	}
	unix.Close(fd)
	return unix.Renameat2(r.fd, a, r.fd, b, unix.RENAME_EXCHANGE) == nil
}

// tryBelow tries the file system that s is on, unless it is that of the root or was tried before, with a file of its own.
func (s *staged) tryBelow() error {
	dev := device64(&s.own)
	if dev == s.r.tried.Load().root.dev {
		return nil
	}
	var fs unix.Statfs_t
	if err := unix.Fstatfs(s.fd, &fs); err != nil {
		return err
	}
	mark := [2]uint64{uint64(fs.Type), uint64(uint32(fs.Fsid.Val[0]))<<32 | uint64(uint32(fs.Fsid.Val[1]))}
	s.r.below.learn(dev, mark, func() *device {
		other, err := s.r.stage(s.name)
		if err != nil {
			return nil
		}
		defer other.Discard()
		found := tryClock(other.fd, time.Now)
		if found != nil {
			var st unix.Statx_t
			found.folds = other.tmp != "" && statIn(other.tmpDir.fd, otherCase(other.tmp), &st) == nil
		}
		return found
	})
	return nil
}

// tryClock finds out the two granularities of the clock of a file system: that of the stored times, to which
// our own stamps are rounded, and that with which the kernel stamps what others write. It writes a byte to fd; nil: it cannot.
// now is our clock.
func tryClock(fd int, now func() time.Time) *device {
	var st unix.Statx_t
	step, mtimeOnly := storedGranularity(fd)
	change, behind := changeGranularity(fd, now)
	if change == 0 || statFD(fd, &st) != nil {
		return nil
	}
	if step == 0 {
		step = int64(unknownGranularity)
	}
	fine := change <= 1
	if change < farWrite && !here(fd) {
		change = farWrite
	}
	return &device{dev: device64(&st), storeNS: step, mtimeOnly: mtimeOnly, behind: behind, fine: fine,
		granularity: granularity(time.Duration(step), change, behind)}
}

// farWrite is longer than one write takes on the far side of FUSE or a network. It gives a file its new times before the bytes, and no
// lease tells of who writes there: so for that long what is read may not be the bytes of the state, as where the clock is coarse.
const farWrite = 2 * time.Second

// here tells whether only programs of this machine can write to a file, and only by the file system that fd is on.
func here(fd int) bool {
	var fs unix.Statfs_t
	return unix.Fstatfs(fd, &fs) == nil && reporting(kindName(int64(fs.Type)))
}

// storedGranularity writes a time whose every digit counts and looks what is left of it; 0: it
// cannot be told. mtimeOnly: the time of change was set with it.
func storedGranularity(fd int) (step int64, mtimeOnly bool) {
	const probe = 1_600_000_001_987_654_321
	var st unix.Statx_t
	if setTimes(fd, probe) != nil || statFD(fd, &st) != nil {
		return 0, true
	}
	got := nanoseconds(st.Mtime)
	for _, step := range []int64{1, 100, 1e3, 1e6, 1e7, 1e8, 1e9, 2e9} {
		if got == probe-probe%step {
			return step, st.Ctime == st.Mtime
		}
	}
	return 0, true
}

// changeGranularity writes and looks, over and over: kernels since 6.13 give every change after
// a look its own time on some file systems (1 ns), all others that of their last tick. 0: it cannot write.
// How far its clock is behind ours shows best right after a tick.
func changeGranularity(fd int, ours func() time.Time) (step, behind time.Duration) {
	const looks, enough, patience = 16, 3, 60 * time.Millisecond
	const atOnce = time.Millisecond // a look that took longer was kept waiting, which tells nothing of the clock
	var last, widest int64
	var looked time.Duration
	distinct, steps := 0, 0
	behind = math.MaxInt64
	for n := 0; steps < enough && looked < patience; n++ {
		start := time.Now()
		var st unix.Statx_t
		if _, err := unix.Pwrite(fd, []byte{byte(n)}, 0); err != nil || statFD(fd, &st) != nil {
			return 0, 0
		}
		now := nanoseconds(st.Mtime)
		behind = min(behind, lag(ours(), now))
		if last != 0 && now != last {
			distinct++
			if n >= looks {
				steps++
				widest = max(widest, now-last)
			}
		}
		if last = now; n == looks && distinct == looks {
			return 1, behind
		}
		looked += min(time.Since(start), atOnce)
	}
	if steps == 0 {
		return time.Second, behind
	}
	return time.Duration(widest), behind
}

// kindName names a file system type by its magic number (statfs(2)).
func kindName(magic int64) string {
	names := map[int64]string{
		unix.EXT4_SUPER_MAGIC: "ext4", unix.XFS_SUPER_MAGIC: "xfs", unix.BTRFS_SUPER_MAGIC: "btrfs",
		unix.TMPFS_MAGIC: "tmpfs", unix.RAMFS_MAGIC: "ramfs", unix.OVERLAYFS_SUPER_MAGIC: "overlayfs",
		unix.F2FS_SUPER_MAGIC: "f2fs", unix.NFS_SUPER_MAGIC: "nfs", unix.SMB2_SUPER_MAGIC: "smb",
		unix.CIFS_SUPER_MAGIC: "cifs", unix.FUSE_SUPER_MAGIC: "fuse", unix.MSDOS_SUPER_MAGIC: "vfat",
		unix.EXFAT_SUPER_MAGIC: "exfat", unix.V9FS_MAGIC: "9p", unix.CEPH_SUPER_MAGIC: "ceph",
		unix.SQUASHFS_MAGIC: "squashfs", unix.ISOFS_SUPER_MAGIC: "iso9660", unix.AFS_SUPER_MAGIC: "afs",
		unix.BCACHEFS_SUPER_MAGIC: "bcachefs", unix.REISERFS_SUPER_MAGIC: "reiserfs",
		0x2fc12fc1: "zfs", 0x7366746e: "ntfs3", 0x3153464a: "jfs",
	}
	if name, ok := names[magic&0xffffffff]; ok {
		return name
	}
	return fmt.Sprintf("0x%x", magic&0xffffffff)
}
