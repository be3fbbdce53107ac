package main

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// stateDir is the directory for the state of the tree in dir (locks, dead properties): what
// --state says, or else one of its own for each dir, below the directory that the system keeps for that.
// Errors: *usageError when clients could reach it, since it would lie inside dir.
func stateDir(dir, flag string, getenv func(string) string) (string, error) {
	state := flag
	if state == "" {
		base, err := stateHome(getenv, byFlag)
		if err != nil {
			return "", err
		}
		state = filepath.Join(base, ownName(dir))
	}
	state, err := filepath.Abs(state)
	if err != nil {
		return "", err
	}
	if within(real(state), real(dir)) {
		return "", usagef("--state: %s lies inside the served directory %s, where clients could reach it; choose another one", state, dir)
	}
	return state, nil
}

// byFlag is the remedy of commands that have the flag.
const byFlag = "name one with --state"

// stateHome is where programs keep state: systemd says it, or the XDG Base Directory Specification.
// Errors: *usageError, with the remedy, where no home is known.
func stateHome(getenv func(string) string, remedy string) (string, error) {
	if list := getenv("STATE_DIRECTORY"); list != "" {
		return filepath.SplitList(list)[0], nil // systemd.exec(5): several are joined by colons
	}
	if xdg := getenv("XDG_STATE_HOME"); filepath.IsAbs(xdg) {
		return filepath.Join(xdg, "ifmatch"), nil
	}
	if local := getenv("LocalAppData"); runtime.GOOS == "windows" && local != "" {
		return filepath.Join(local, "ifmatch"), nil
	}
	home := getenv("HOME")
	if home == "" {
		var err error
		if home, err = os.UserHomeDir(); err != nil {
			return "", usagef("no directory for state is known (%v); %s", err, remedy)
		}
	}
	return filepath.Join(home, ".local", "state", "ifmatch"), nil
}

// ownName names the state of one served directory: readable, and different for each path.
func ownName(dir string) string {
	sum := sha256.Sum256([]byte(real(dir)))
	id := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:5])
	return fmt.Sprintf("%s-%s", filepath.Base(real(dir)), strings.ToLower(id))
}

// real follows links as far as the path exists.
func real(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if r, err := filepath.EvalSymlinks(abs); err == nil {
		return r
	}
	if parent := filepath.Dir(abs); parent != abs {
		return filepath.Join(real(parent), filepath.Base(abs))
	}
	return abs
}

// nested tells whether one of two directories is inside the other, and not the same.
func nested(a, b string) bool {
	a, b = real(a), real(b)
	return a != b && (within(a, b) || within(b, a))
}

// within tells whether path is dir or below it.
func within(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}
