package fs

import (
	"errors"
	"io"
	iofs "io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// Sweep looks for reserved names in the whole tree. What this tree has made stays; and as long as
// another server is there, all stays.
func (p *portable) Sweep() (removed int, err error) {
	if p.readOnly() {
		return 0, nil
	}
	alone, err := lockAlone(p.dir)
	if err != nil || !alone {
		return 0, pathError("sweep", "/", err)
	}
	other := ""
	err = pathError("sweep", "/", p.sweep(".", &removed, &other))
	if err == nil && other != "" {
		err = pathError("sweep", filepath.Join(p.root.Name(), other), errNotGiven)
	}
	return removed, errors.Join(err, unlockAlone(p.dir))
}

// sweep counts what it removes, and tells where a reserved name is that is not given.
func (p *portable) sweep(rel string, removed *int, other *string) error {
	dir, err := p.root.Open(rel)
	if err != nil {
		return ignoreGone(err)
	}
	defer dir.Close()
	for {
		entries, err := dir.ReadDir(256)
		for _, e := range entries {
			name := path.Join(rel, e.Name())
			switch {
			case strings.HasPrefix(e.Name(), p.instance):
			case Reserved(e.Name()) && !given.MatchString(e.Name()):
				*other = name
			case Reserved(e.Name()):
				if p.sweepOne(name) {
					*removed++
				}
			case e.IsDir():
				if err := p.sweep(name, removed, other); err != nil {
					return err
				}
			}
		}
		if errors.Is(err, io.EOF) || len(entries) == 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// ignoreGone lets a sweep go on where a directory vanished or may not be read.
func ignoreGone(err error) error {
	if errors.Is(err, iofs.ErrNotExist) || errors.Is(err, iofs.ErrPermission) {
		return nil
	}
	return err
}

func (p *portable) sweepOne(rel string) bool {
	since := p.opened
	if p.tried.Load().features.Beside {
		since = time.Now().Add(-24 * time.Hour)
	}
	if inUse(p.root, rel, since) {
		return false
	}
	var err error
	switch a, isAside := parseAside(path.Base(rel)); {
	case a.was:
		err = p.restore(rel)
	case isAside:
		return false // only the Root of Linux, which has left it, can tell whether its step was taken
	case strings.HasSuffix(rel, newSuffix):
		err = p.unreserve(rel)
	}
	if err == nil {
		err = p.hook("unlink", "/"+rel)
	}
	return err == nil && p.root.RemoveAll(rel) == nil
}

// restore puts back what stepped aside for a MOVE that a crash cut off, if its name is still free.
func (p *portable) restore(away string) error {
	base, err := p.only(away)
	if base == "" {
		return err
	}
	name := path.Join(path.Dir(away), base)
	if _, err := p.root.Lstat(name); !errors.Is(err, iofs.ErrNotExist) {
		return err
	}
	if err := p.hook("rename", "/"+name); err != nil {
		return err
	}
	return p.root.Rename(path.Join(away, base), name)
}

// unreserve removes the empty file that reserved a name when a crash came.
func (p *portable) unreserve(mark string) error {
	base, err := p.only(mark)
	if base == "" {
		return err
	}
	name := path.Join(path.Dir(mark), base)
	fi, err := p.root.Lstat(name)
	if err == nil && fi.Mode().IsRegular() && fi.Size() == 0 {
		if err = p.hook("unlink", "/"+name); err == nil {
			err = p.root.Remove(name)
		}
	}
	return ignoreGone(err)
}

// only returns the one name in a reserved directory, "" when there is none, or it is no directory.
func (p *portable) only(rel string) (string, error) {
	if fi, err := p.root.Lstat(rel); err != nil || !fi.IsDir() {
		return "", err
	}
	dir, err := p.root.Open(rel)
	if err != nil {
		return "", err
	}
	defer dir.Close()
	bases, err := dir.Readdirnames(1)
	if errors.Is(err, io.EOF) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return bases[0], nil
}

// probe finds out what the file system can, by trying in the root of the tree.
func (p *portable) probe(opts RootOptions) (*tried, error) {
	t := &tried{RootOptions: opts, root: unknown,
		features: Features{ReadOnly: opts.ReadOnly, Granularity: unknownGranularity, Kind: diskKind(p.dir)}}
	if opts.ReadOnly {
		t.features.Folds = p.folds("")
		return t, nil
	}
	name := p.reserved()
	f, err := p.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		if errors.Is(err, iofs.ErrPermission) || errors.Is(pathError("probe", "/", err), ErrReadOnly) {
			t.features.ReadOnly, t.features.Folds = true, p.folds("")
			return t, nil
		}
		return nil, pathError("probe", "/", err)
	}
	defer p.root.Remove(name)
	defer f.Close()
	t.features.Folds = p.folds(name)
	if dir, err := p.root.Open("."); err == nil {
		t.features.Sync = f.Sync() == nil && syncDir(dir) == nil
		dir.Close()
	}
	if t.root, err = p.tryClock(f, name); err != nil {
		return nil, pathError("probe", "/", err)
	}
	t.features.Granularity = t.root.granularity
	other := p.reserved()
	if err := giveName(p.root, name, other); err == nil { // the last: name may be gone
		t.links = true
		p.root.Remove(other)
	}
	return t, nil
}

// tryBelow tries the file system of a file that is staged, and empty, unless it is that of the root or was tried before. It
// returns its number.
func (p *portable) tryBelow(f *os.File, rel string) (dev uint64, err error) {
	info, err := fileInfo(f)
	if err != nil || info.Dev == p.tried.Load().root.dev {
		return info.Dev, err
	}
	p.below.learn(info.Dev, [2]uint64{}, func() *device {
		found, _ := p.tryClock(f, rel)
		err = f.Truncate(0)
		return found
	})
	return info.Dev, err
}

// tryClock finds out how the file system stores times, and how it stamps what others write. It writes a byte to f.
func (p *portable) tryClock(f *os.File, rel string) (*device, error) {
	store, err := p.storedGranularity(rel)
	if err != nil {
		return nil, err
	}
	info, err := fileInfo(f)
	if err != nil {
		return nil, err
	}
	change, behind := clockGranularity(f)
	return &device{dev: info.Dev, storeNS: int64(store), mtimeOnly: true, granularity: granularity(store, change, behind)}, nil
}

// storedGranularity sets a time with all digits and looks what of it is kept.
func (p *portable) storedGranularity(name string) (time.Duration, error) {
	even := time.Now().Unix() &^ 1
	odd := time.Unix(even+1, 999_999_999)
	if err := p.root.Chtimes(name, time.Time{}, odd); err != nil {
		return 0, err
	}
	fi, err := p.root.Lstat(name)
	if err != nil {
		return 0, err
	}
	for _, g := range []time.Duration{1, 100, time.Microsecond, time.Millisecond, 10 * time.Millisecond, time.Second} {
		if odd.Truncate(g).Equal(fi.ModTime().Truncate(g)) && odd.Sub(fi.ModTime()).Abs() < g {
			return g, nil
		}
	}
	return unknownGranularity, nil
}

// clockGranularity writes again and again until the time of change has moved often enough to
// tell by how much it moves at least, and how far it is behind ours. A clock that does not move in 30 ms of looking is taken
// for one of FAT.
func clockGranularity(f *os.File) (best, behind time.Duration) {
	best, behind = unknownGranularity, math.MaxInt64
	everMoved, stuck := 0, false
	last := int64(0)
	for looked := time.Duration(0); looked < 30*time.Millisecond && everMoved < 16; {
		start := time.Now()
		if _, err := f.WriteAt([]byte{1}, 0); err != nil {
			return unknownGranularity, 0
		}
		info, err := fileInfo(f)
		if err != nil {
			return unknownGranularity, 0
		}
		behind = min(behind, lag(time.Now(), info.Ctime))
		switch {
		case last != 0 && info.Ctime == last:
			stuck = true
		case last != 0:
			best = min(best, time.Duration(info.Ctime-last))
			everMoved++
		}
		last = info.Ctime
		looked += min(time.Since(start), time.Millisecond) // more is a machine that had no time for us
	}
	if !stuck && everMoved > 0 {
		best = time.Nanosecond // every change was told from the one before
	}
	return best, behind
}
