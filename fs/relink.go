package fs

import "path"

// leadsOn fails with ErrRelink where the symbolic link at src would lead elsewhere from dst: what it says counts from the
// directory that it is in. So who moves it would find other bytes there, or none. readlink is as for follow.
func leadsOn(src, dst string, readlink func(name string, more bool) (target string, link bool, err error)) error {
	if path.Dir(src) == path.Dir(dst) {
		return nil
	}
	to, link, err := readlink(src, false)
	if err != nil || !link {
		return err
	}
	was, _, err := follow(src, readlink)
	if err != nil {
		return nil // it leads to nothing that is served
	}
	if now, _, err := follow(path.Dir(dst)+"/"+to, readlink); err != nil || now != was {
		return ErrRelink
	}
	return nil
}
