package etagfs

import (
	"ifmatch/fs"
)

// notify starts the reports of changes where base can give them.
func (f *FS) notify(limit int) {
	n, ok := f.base.(fs.Notifier)
	if !ok {
		return
	}
	w, err := n.Watch(fs.WatchOptions{Changed: f.changed, Lost: f.lost, Limit: limit, Log: f.log})
	if err != nil {
		f.log.Warn("changes by other programs are not reported: answers stay right and get slower", "err", err)
		return
	}
	f.watcher = w
	if f.content != nil {
		f.content.watcher = w
	}
}

// changed takes the report of one name.
func (f *FS) changed(name string) {
	f.subs.tell(name)
	if f.content == nil {
		return
	}
	info, err := f.base.Lookup(name)
	if err != nil {
		f.content.changed(name, nil)
		return
	}
	f.content.changed(name, &info)
}

// lost says that anything may have changed below dir. Only lost reports ("/") drop what is known;
// a directory that is no longer watched leaves it to stat alone, as where nothing can be watched.
func (f *FS) lost(dir string) {
	f.subs.tell(dir)
	if f.content != nil && dir == "/" {
		f.content.forgetAll()
	}
}
