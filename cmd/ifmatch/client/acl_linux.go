package client

import (
	"os"

	"golang.org/x/sys/unix"
)

// keepACL gives f the ACL that the file at path has, or none.
func keepACL(f *os.File, path string) error {
	const name = "system.posix_acl_access" // acl(5)
	acl := make([]byte, 64<<10)            // as much as it may have, XATTR_SIZE_MAX
	n, err := unix.Getxattr(path, name, acl)
	if err != nil {
		unix.Fremovexattr(int(f.Fd()), name) // what the directory gives to new files
		return nil
	}
	return unix.Fsetxattr(int(f.Fd()), name, acl[:n], 0)
}
