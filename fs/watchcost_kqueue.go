//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package fs

import "os"

// watchCost is how many descriptors it takes to watch a directory: kqueue has one of each member open, too (fsnotify v1.10.1,
// watchDirectoryFiles), and those are what requests need. It looks at no more members than limit.
//
// BUG(fs): members that come while it is watched take more.
var watchCost = func(osPath string, limit int) int {
	dir, err := os.Open(osPath)
	if err != nil {
		return 1
	}
	defer dir.Close()
	members, _ := dir.Readdirnames(limit)
	return 1 + len(members)
}
