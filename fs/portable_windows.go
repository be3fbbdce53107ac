package fs

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// openNonblock is nothing: there are no FIFOs in directories.
const openNonblock = 0

// badBase refuses what Windows would take for something else than the name says: another
// separator, a stream or a drive (:), a wildcard, or, for a dot or space at the end, a shorter name.
func badBase(name string) bool {
	if strings.ContainsAny(name, `\:*?"<>|`) || !filepath.IsLocal(filepath.FromSlash(name[1:])) {
		return true
	}
	for base := range strings.SplitSeq(name[1:], "/") {
		if strings.HasSuffix(base, ".") || strings.HasSuffix(base, " ") {
			return true
		}
	}
	return strings.ContainsFunc(name, func(r rune) bool { return r < ' ' })
}

func slashed(target string) string { return filepath.ToSlash(target) }

// systemInfo adds what only an open file tells: the number of the file, its links, and the time
// of change, which a program cannot set back. Without it nothing tells a write from a touch.
func systemInfo(info *Info, fi iofs.FileInfo, f *os.File, root *os.Root, rel string) {
	if d, ok := fi.Sys().(*syscall.Win32FileAttributeData); ok {
		info.Birth = d.CreationTime.Nanoseconds()
	}
	if f == nil {
		opened, err := root.Open(rel)
		if err != nil {
			return // held by another program: a state of its own, which matches no other
		}
		defer opened.Close()
		f = opened
	}
	h := windows.Handle(f.Fd())
	var d windows.ByHandleFileInformation
	if windows.GetFileInformationByHandle(h, &d) == nil {
		info.Dev = uint64(d.VolumeSerialNumber)
		info.Ino = uint64(d.FileIndexHigh)<<32 | uint64(d.FileIndexLow)
		info.Links = uint64(d.NumberOfLinks)
	}
	// FILE_BASIC_INFO: four FILETIMEs in 100 ns since 1601, the fourth is the time of change.
	var basic struct {
		creation, access, write, change int64
		attributes, _                   uint32
	}
	if windows.GetFileInformationByHandleEx(h, windows.FileBasicInfo, (*byte)(unsafe.Pointer(&basic)), uint32(unsafe.Sizeof(basic))) == nil {
		t := windows.Filetime{LowDateTime: uint32(basic.change), HighDateTime: uint32(basic.change >> 32)}
		info.Ctime = t.Nanoseconds()
	}
}

// lockTree makes a thing named after the directory, since that takes no locks here. It goes with unlock or with the process, and
// tells those servers of each other that run on one machine.
func lockTree(dir *os.File) (unlock func(), alone bool, err error) {
	info, err := fileInfo(dir)
	if err != nil {
		return nil, false, err
	}
	name, err := windows.UTF16PtrFromString(fmt.Sprintf(`Global\ifmatch-%x-%x`, info.Dev, info.Ino))
	if err != nil {
		return nil, false, err
	}
	h, err := windows.CreateMutex(nil, false, name)
	if h == 0 { // it is another user's
		return func() {}, false, nil
	}
	return func() { windows.CloseHandle(h) }, err == nil, nil
}

// lockAlone keeps nobody away: who comes later is seen on what it stages.
func lockAlone(*os.File) (bool, error) { return true, nil }

func unlockAlone(*os.File) error { return nil }

// farByte is locked in a staged file: behind every byte that a reader could ask for.
var farByte = windows.Overlapped{OffsetHigh: 0x7fffffff}

func lockStaged(f *os.File) {
	at := farByte
	windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
}

// inUse tells whether a reserved name may belong to a server that runs: a staged file is locked,
// a collection is taken for one in use when it was changed since.
func inUse(root *os.Root, rel string, since time.Time) bool {
	fi, err := root.Lstat(rel)
	if err != nil {
		return true
	}
	if fi.IsDir() {
		return fi.ModTime().After(since)
	}
	f, err := root.OpenFile(rel, os.O_RDWR, 0)
	if err != nil {
		return true
	}
	defer f.Close()
	at := farByte
	err = windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
	return err != nil
}

// giveName gives a file a name that nobody has in the same directory, instead of the one it has. Error iofs.ErrExist.
// A second name would stay as long as the file is open where the file system, such as that of another machine, removes
// no name of what is open, and what removed it then would move the time of change.
func giveName(root *os.Root, from, to string) error {
	dir, err := root.Open(path.Dir(from))
	if err != nil {
		return err
	}
	defer dir.Close()
	h, err := openToMove(dir, path.Base(from), windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(h)
	// FILE_RENAME_INFORMATION. That replace is false makes the step fail where somebody has the name.
	var rename struct {
		replace     uint32
		root        windows.Handle
		lengthBytes uint32
		name        [windows.MAX_PATH]uint16
	}
	to16, err := windows.UTF16FromString(path.Base(to))
	if err != nil {
		return err
	}
	rename.root, rename.lengthBytes = windows.Handle(dir.Fd()), uint32(2*(len(to16)-1))
	if copy(rename.name[:], to16) < len(to16) {
		return ErrNameTooLong
	}
	var status windows.IO_STATUS_BLOCK
	return ntError(windows.NtSetInformationFile(h, &status, (*byte)(unsafe.Pointer(&rename)), uint32(unsafe.Sizeof(rename)),
		windows.FileRenameInformation))
}

// openToMove opens base in dir, or a link there itself, to move it, sharing it with others so.
func openToMove(dir *os.File, base string, share uint32) (h windows.Handle, err error) {
	name, err := windows.NewNTUnicodeString(base)
	if err != nil {
		return h, err
	}
	at := windows.OBJECT_ATTRIBUTES{RootDirectory: windows.Handle(dir.Fd()), ObjectName: name}
	at.Length = uint32(unsafe.Sizeof(at))
	var status windows.IO_STATUS_BLOCK
	err = windows.NtCreateFile(&h, windows.DELETE|windows.SYNCHRONIZE, &at, &status, nil, 0, share, windows.FILE_OPEN,
		windows.FILE_OPEN_REPARSE_POINT|windows.FILE_SYNCHRONOUS_IO_NONALERT, 0, 0)
	return h, ntError(err)
}

// overOpen is err of a rename over rel. Windows does not tell what may not be replaced from what somebody has open.
func overOpen(root *os.Root, rel string, err error) error {
	if !errors.Is(err, iofs.ErrPermission) {
		return err
	}
	dir, e := root.Open(path.Dir(rel))
	if e != nil {
		return err
	}
	defer dir.Close()
	h, e := openToMove(dir, path.Base(rel), 0)
	if e == nil {
		windows.CloseHandle(h)
		if fi, e := root.Lstat(rel); e == nil && fi.Mode().Perm()&0o200 != 0 { // it may be replaced, so whoever had it is gone
			return windows.ERROR_SHARING_VIOLATION
		}
	}
	if errors.Is(e, windows.ERROR_SHARING_VIOLATION) {
		return e
	}
	return err
}

// ntError is the error of Windows that a status of its kernel stands for.
func ntError(err error) error {
	if status, ok := err.(windows.NTStatus); ok {
		return status.Errno()
	}
	return err
}

// setStagedTime sets the modification time of f by the very handle that has written: what was written by a handle whose user has
// set no time is dated when that handle is flushed, asked or closed, whatever others have set meanwhile.
func setStagedTime(_ *os.Root, _ string, f *os.File, mtime time.Time) error {
	t := windows.NsecToFiletime(mtime.UnixNano())
	return windows.SetFileTime(windows.Handle(f.Fd()), nil, nil, &t)
}

// syncDir has nothing to call: NTFS keeps names in its journal.
func syncDir(*os.File) error { return nil }

// syncAll: only an administrator may have a whole volume written.
func syncAll() error { return nil }

// keepOwner leaves the owner to the access control list that a new file inherits.
func keepOwner(*os.Root, string, *os.File) error { return nil }

func diskUsage(dir *os.File) (Usage, error) {
	osPath, err := windows.UTF16PtrFromString(dir.Name())
	if err != nil {
		return Usage{}, err
	}
	var available, total, free uint64
	if err := windows.GetDiskFreeSpaceEx(osPath, &available, &total, &free); err != nil {
		return Usage{}, err
	}
	return Usage{AvailableBytes: int64(available), UsedBytes: int64(total - free)}, nil
}

func diskKind(dir *os.File) string {
	var kind [windows.MAX_PATH + 1]uint16
	if windows.GetVolumeInformationByHandle(windows.Handle(dir.Fd()), nil, 0, nil, nil, nil, &kind[0], uint32(len(kind))) != nil {
		return ""
	}
	return windows.UTF16ToString(kind[:])
}
