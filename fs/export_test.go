package fs

// OpenLinkless is OpenPortable on a file system that has no hard links, like FAT.
func OpenLinkless(dir string, opts RootOptions) (FS, error) {
	f, err := OpenPortable(dir, opts)
	if err == nil {
		f.(*portable).tried.Load().links = false
	}
	return f, err
}
