package main

import (
	"os/user"
	"strconv"

	"ifmatch/fs"
)

// account is a user or a group, by name or number; the zero value is none.
type account struct {
	text  string
	id    int
	group bool
}

func (a *account) String() string { return a.text }
func (a *account) Type() string   { return "NAME" }
func (a *account) accepts() string {
	if a.group {
		return "the name or number of a group of this system"
	}
	return "the name or number of a user of this system"
}

func (a *account) Set(s string) error {
	id, err := strconv.ParseUint(s, 10, 31)
	if err != nil && s != "" {
		if id, err = a.find(s); err != nil {
			return errNotAccepted
		}
	}
	a.text, a.id = s, int(id)
	return nil
}

func (a *account) find(name string) (uint64, error) {
	if a.group {
		g, err := user.LookupGroup(name)
		if err != nil {
			return 0, err
		}
		return strconv.ParseUint(g.Gid, 10, 31)
	}
	u, err := user.Lookup(name)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(u.Uid, 10, 31)
}

// or is the number, -1 without one.
func (a *account) or() int {
	if a.text == "" {
		return -1
	}
	return a.id
}

// umask is permission bits in octal; the zero value is none.
type umask struct {
	text string
	bits fs.Umask
}

func (u *umask) String() string { return u.text }
func (u *umask) Type() string   { return "UMASK" }

// The zero in front is asked for, so that no decimal number of TOML is taken for an octal one.
func (u *umask) accepts() string { return "octal digits as a string that begins with 0, such as 0027" }

func (u *umask) Set(s string) error {
	bits, err := strconv.ParseUint(s, 8, 32)
	if s != "" && (err != nil || s[0] != '0' || bits > 0o777) {
		return errNotAccepted
	}
	*u = umask{s, fs.Umask(bits)}
	return nil
}

// rootOptions are how a directory is opened.
func rootOptions(s *settings) fs.RootOptions {
	o := fs.RootOptions{ReadOnly: s.readOnly}
	if s.owner.text != "" || s.group.text != "" {
		o.Owner = &fs.Owner{UID: s.owner.or(), GID: s.group.or()}
	}
	if s.umask.text != "" {
		o.Umask = &s.umask.bits
	}
	return o
}
