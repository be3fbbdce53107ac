package etagfs

import "ifmatch/fs"

// check turns a Check into what fs calls with the state about to change. Unless this is the last
// attempt, a state whose tag the Check needs and nobody knows is answered with notHashed. put is the digest of the bytes
// of a Put, where it is known.
func (f *FS) check(name string, w Write, last bool, put *Digest) func(*fs.Info) error {
	return func(cur *fs.Info) error {
		if w.Check == nil {
			return nil
		}
		info := f.info(name, cur)
		if w.Tags && !last && f.untagged(info) {
			return &notHashed{f, name}
		}
		if put != nil && info != nil && info.Digest != nil {
			info.Same = *info.Digest == *put
		}
		return w.Check(info)
	}
}

// check2 is check for src in one tree and dst in another one, or the same.
func check2(from *FS, src string, to *FS, dst string, last bool, w Write2) func(s, d *fs.Info) error {
	return func(s, d *fs.Info) error {
		if w.Check == nil {
			return nil
		}
		source, dest := from.info(src, s), to.info(dst, d)
		if w.Tags && !last {
			if from.untagged(source) {
				return &notHashed{from, src}
			}
			if to.untagged(dest) {
				return &notHashed{to, dst}
			}
		}
		return w.Check(source, dest, dst)
	}
}

// untagged tells whether hashing would give the resource a tag.
func (f *FS) untagged(i *Info) bool {
	return f.content != nil && i != nil && !i.IsCollection() && i.Tag.IsZero()
}

// digestOf returns the digest of a state where it is known.
func (f *FS) digestOf(i *fs.Info) *Digest {
	if f.content == nil || i == nil || i.IsCollection() {
		return nil
	}
	if d, ok := f.content.get(i.Identity); ok {
		return &d
	}
	return nil
}
