package fs

import (
	iofs "io/fs"
	"os"
	"syscall"
)

// systemInfo adds what the system tells beside the portable state.
func systemInfo(info *Info, fi iofs.FileInfo, _ *os.File, _ *os.Root, _ string) {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		info.Dev, info.Ino, info.Links = uint64(st.Dev), st.Ino, uint64(st.Nlink)
		info.Ctime = st.Ctim.Nano()
	}
}

func diskUsage(dir *os.File) (Usage, error) { return usageOf(int(dir.Fd())) }

// diskKind is told by the other root of Linux.
func diskKind(*os.File) string { return "" }
